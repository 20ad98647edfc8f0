"""Places, notices and emergencies, people and roles, households, organizations and agreements, policies, uploads."""

from alembic import op

from shared import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PLACES = """
CREATE TABLE places (
  id uuid PRIMARY KEY, version integer NOT NULL DEFAULT 1,
  area text COLLATE "C" NOT NULL UNIQUE,
  parent_id uuid REFERENCES places, kind text NOT NULL, name text NOT NULL CHECK (name <> ''), number integer,
  std_address_code text,
  state text NOT NULL DEFAULT 'open'
    CHECK (state IN ('open', 'sealed_management', 'lockdown_control', 'epidemic_free')),
  state_id uuid, state_notice_id uuid, abolished_on date, created_at timestamptz NOT NULL,
  CONSTRAINT kind_has_its_level CHECK (CASE array_length(string_to_array(area, '.'), 1)
    WHEN 2 THEN kind = 'city' WHEN 3 THEN kind = 'district'
    WHEN 4 THEN kind IN ('street', 'township', 'management_office', 'special_zone')
    WHEN 5 THEN kind IN ('community', 'village')
    WHEN 6 THEN kind = 'compound' WHEN 7 THEN kind = 'building' WHEN 8 THEN kind = 'entrance' ELSE false END));
CREATE INDEX places_parent ON places (parent_id);
CREATE UNIQUE INDEX places_sibling_name ON places (parent_id, name) WHERE abolished_on IS NULL;
CREATE UNIQUE INDEX places_sibling_number ON places (parent_id, number) WHERE number IS NOT NULL;
CREATE TABLE place_codes (
  code text NOT NULL CHECK (code ~ '^[0-9]{12}$'), place_id uuid NOT NULL REFERENCES places,
  valid_from date, valid_until date, replaced_by text CHECK (replaced_by ~ '^[0-9]{12}$'),
  PRIMARY KEY (code, place_id),
  CONSTRAINT valid_forward CHECK (valid_from <= valid_until),
  CONSTRAINT code_names_one_place EXCLUDE USING gist (code WITH =, daterange(valid_from, valid_until) WITH &&));
CREATE UNIQUE INDEX place_codes_present ON place_codes (place_id) WHERE valid_until IS NULL;
CREATE TABLE place_states (
  id uuid PRIMARY KEY, version integer NOT NULL DEFAULT 1,
  area text COLLATE "C" NOT NULL, place_id uuid NOT NULL REFERENCES places,
  state text NOT NULL CHECK (state IN ('open', 'sealed_management', 'lockdown_control', 'epidemic_free')),
  from_at timestamptz NOT NULL, until_at timestamptz, notice_id uuid, emergency_id uuid, note text,
  created_by uuid NOT NULL, created_at timestamptz NOT NULL, revoked_at timestamptz, revoked_by uuid, reason text,
  CONSTRAINT from_before_until CHECK (from_at < until_at),
  CONSTRAINT revoked_by_somebody CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)));
CREATE INDEX place_states_place ON place_states (place_id, from_at);
CREATE INDEX place_states_area ON place_states (area, id);
"""

EMERGENCIES = """
CREATE TABLE notices (
  id uuid PRIMARY KEY, version integer NOT NULL DEFAULT 1,
  area text COLLATE "C" NOT NULL, areas text[] COLLATE "C" NOT NULL CHECK (cardinality(areas) > 0),
  message_id uuid UNIQUE, source_id uuid, number text NOT NULL, title text NOT NULL, issuer text NOT NULL,
  body text NOT NULL, legal_basis text, place_state text, issued_at timestamptz NOT NULL, from_at timestamptz NOT NULL,
  until_at timestamptz, state text NOT NULL DEFAULT 'received' CHECK (state IN ('received', 'applied', 'dismissed')),
  applied_areas text[] COLLATE "C" NOT NULL DEFAULT '{}', emergency_id uuid, decided_by uuid, decided_at timestamptz,
  reason text, created_at timestamptz NOT NULL,
  CONSTRAINT applied_means_by_somebody CHECK (state = 'received' OR decided_by IS NOT NULL));
CREATE INDEX notices_created ON notices (created_at, id);
CREATE TABLE emergencies (
  id uuid PRIMARY KEY, version integer NOT NULL DEFAULT 1,
  area text COLLATE "C" NOT NULL, areas text[] COLLATE "C" NOT NULL CHECK (cardinality(areas) > 0),
  title text NOT NULL, legal_basis text NOT NULL, notice_id uuid, place_state text,
  from_at timestamptz NOT NULL, closed_at timestamptz, closed_by uuid, reason text,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'closed')),
  created_by uuid NOT NULL, created_at timestamptz NOT NULL,
  CONSTRAINT closed_has_a_moment CHECK ((state = 'closed') = (closed_at IS NOT NULL)));
CREATE UNIQUE INDEX emergencies_notice ON emergencies (notice_id) WHERE state = 'active';
CREATE INDEX emergencies_active ON emergencies (from_at) WHERE state = 'active';
"""

PEOPLE = """
CREATE TABLE people (
  id uuid PRIMARY KEY, version integer NOT NULL DEFAULT 1, area text COLLATE "C",
  name_sealed bytea, phone_sealed bytea, phone_key bytea UNIQUE, id_number_sealed bytea, id_number_key bytea UNIQUE,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'erased')),
  emergency_id uuid, created_by uuid NOT NULL, created_at timestamptz NOT NULL,
  CONSTRAINT sealed_with_its_key CHECK ((phone_sealed IS NULL) = (phone_key IS NULL)
    AND (id_number_sealed IS NULL) = (id_number_key IS NULL)));
CREATE INDEX people_area ON people (area, id);
CREATE TABLE roles (
  id uuid PRIMARY KEY, version integer NOT NULL DEFAULT 1, area text COLLATE "C",
  person_id uuid NOT NULL REFERENCES people, role text NOT NULL, organization_id uuid, capacity text,
  from_at timestamptz NOT NULL, until_at timestamptz, ended_at timestamptz, ended_by uuid, reason text,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'ended')),
  granted_by uuid NOT NULL, created_at timestamptz NOT NULL,
  CONSTRAINT bound_to_one CHECK (num_nonnulls(area, organization_id) = 1),
  CONSTRAINT from_before_until CHECK (from_at < until_at),
  CONSTRAINT ended_has_a_moment CHECK ((state = 'ended') = (ended_at IS NOT NULL)));
CREATE UNIQUE INDEX roles_once ON roles (person_id, role, coalesce(area, ''), coalesce(organization_id::text, ''))
  WHERE state = 'active';
CREATE INDEX roles_area ON roles (area, id);
CREATE INDEX roles_organization ON roles (organization_id) WHERE organization_id IS NOT NULL;
"""

HOUSEHOLDS = """
CREATE TABLE households (
  id uuid PRIMARY KEY, version integer NOT NULL DEFAULT 1,
  area text COLLATE "C" NOT NULL, door_sealed bytea, door_key bytea UNIQUE, size integer CHECK (size BETWEEN 0 AND 50),
  contact_name_sealed bytea, phone_sealed bytea, phone_key bytea, flags_sealed bytea, flags_basis text,
  flags_emergency_id uuid, flags_recorded_by uuid, flags_recorded_at timestamptz,
  priority_class smallint NOT NULL DEFAULT 0 CHECK (priority_class BETWEEN 0 AND 3),
  notify text NOT NULL CHECK (notify IN ('inbox', 'sms', 'call', 'slip')),
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'merged')), merged_into uuid REFERENCES households,
  emergency_id uuid, created_by uuid NOT NULL, created_at timestamptz NOT NULL,
  CONSTRAINT flags_have_a_basis CHECK ((flags_sealed IS NULL) = (flags_basis IS NULL)),
  CONSTRAINT priority_needs_flags CHECK (priority_class = 0 OR flags_sealed IS NOT NULL),
  CONSTRAINT merged_has_an_heir CHECK ((state = 'merged') = (merged_into IS NOT NULL) AND merged_into <> id),
  CONSTRAINT an_active_one_has_a_door CHECK (state = 'merged' OR door_key IS NOT NULL));
CREATE INDEX households_area ON households (area, id);
CREATE INDEX households_phone ON households (phone_key) WHERE phone_key IS NOT NULL;
CREATE TABLE household_merges (
  id uuid PRIMARY KEY, area text COLLATE "C" NOT NULL, from_id uuid NOT NULL REFERENCES households,
  into_id uuid NOT NULL REFERENCES households, merged_by uuid NOT NULL, merged_at timestamptz NOT NULL, reason text,
  moved_claims uuid[] NOT NULL, moved_consents uuid[] NOT NULL);
CREATE TABLE household_claims (
  id uuid PRIMARY KEY, version integer NOT NULL DEFAULT 1, area text COLLATE "C" NOT NULL,
  household_id uuid NOT NULL REFERENCES households, person_id uuid NOT NULL REFERENCES people,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'confirmed', 'refused')),
  code_result text CHECK (code_result IN ('accepted', 'wrong', 'exhausted')),
  confirmed_how text CHECK (confirmed_how IN ('code', 'building_head', 'worker')), decided_by uuid,
  decided_at timestamptz, reason text, emergency_id uuid, created_at timestamptz NOT NULL,
  CONSTRAINT confirmed_somehow CHECK ((state = 'confirmed') = (confirmed_how IS NOT NULL)));
CREATE UNIQUE INDEX household_claims_once ON household_claims (household_id, person_id) WHERE state <> 'refused';
CREATE INDEX household_claims_person ON household_claims (person_id);
CREATE INDEX household_claims_area ON household_claims (area, id);
CREATE TABLE claim_codes (
  household_id uuid PRIMARY KEY REFERENCES households, area text COLLATE "C" NOT NULL,
  code_key bytea NOT NULL, code_sealed bytea NOT NULL, issued_at timestamptz NOT NULL);
CREATE TABLE claim_attempts (
  id uuid PRIMARY KEY, household_id uuid NOT NULL, person_id uuid NOT NULL, at timestamptz NOT NULL,
  accepted boolean NOT NULL);
CREATE INDEX claim_attempts_household ON claim_attempts (household_id, at);
CREATE INDEX claim_attempts_person ON claim_attempts (person_id, at);
CREATE TABLE consents (
  id uuid PRIMARY KEY, version integer NOT NULL DEFAULT 1, area text COLLATE "C" NOT NULL,
  household_id uuid NOT NULL REFERENCES households, person_id uuid REFERENCES people, role text,
  role_area text COLLATE "C", given_how text NOT NULL CHECK (given_how IN ('in_person', 'phone', 'paper', 'app')),
  recorded_by uuid NOT NULL, until_at timestamptz NOT NULL,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'withdrawn', 'expired')), ended_at timestamptz,
  ended_by uuid, emergency_id uuid, created_at timestamptz NOT NULL,
  CONSTRAINT to_a_person_or_a_role CHECK (num_nonnulls(person_id, role) = 1 AND (role IS NULL) = (role_area IS NULL)));
CREATE INDEX consents_household ON consents (household_id);
CREATE INDEX consents_area ON consents (area, id);
CREATE TABLE household_duplicates (
  id uuid PRIMARY KEY, version integer NOT NULL DEFAULT 1, area text COLLATE "C" NOT NULL,
  first_id uuid NOT NULL REFERENCES households, second_id uuid NOT NULL REFERENCES households,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'dismissed', 'merged')), decided_by uuid,
  decided_at timestamptz, reason text, created_at timestamptz NOT NULL,
  CONSTRAINT in_one_order CHECK (first_id < second_id), UNIQUE (first_id, second_id));
CREATE INDEX household_duplicates_area ON household_duplicates (area, id);
CREATE TABLE access_log (
  id uuid PRIMARY KEY, at timestamptz NOT NULL, caller uuid NOT NULL, caller_kind text NOT NULL, verb text NOT NULL,
  purpose text NOT NULL, reference uuid, area text COLLATE "C", subjects uuid[] NOT NULL, fields text[] NOT NULL);
CREATE INDEX access_log_at ON access_log (at);
"""

ORGANIZATIONS = """
CREATE TABLE organizations (
  id uuid PRIMARY KEY, version integer NOT NULL DEFAULT 1, area text COLLATE "C" NOT NULL, kind text NOT NULL,
  name text NOT NULL CHECK (name <> ''), short_name text, uscc text CHECK (length(uscc) = 18), filing_no text,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'closed')), closed_at timestamptz, reason text,
  created_by uuid NOT NULL, created_at timestamptz NOT NULL,
  CONSTRAINT one_identifier_at_most CHECK (num_nonnulls(uscc, filing_no) <= 1));
CREATE UNIQUE INDEX organizations_uscc ON organizations (uscc) WHERE state = 'active';
CREATE UNIQUE INDEX organizations_filing ON organizations (filing_no) WHERE state = 'active';
CREATE INDEX organizations_area ON organizations (area, id);
CREATE TABLE agreements (
  id uuid PRIMARY KEY, version integer NOT NULL DEFAULT 1, area text COLLATE "C" NOT NULL,
  organization_id uuid NOT NULL REFERENCES organizations, purposes text[] NOT NULL CHECK (cardinality(purposes) > 0),
  areas text[] COLLATE "C" NOT NULL, data_classes text[] NOT NULL, starts_on date NOT NULL, ends_on date NOT NULL,
  capacity text, state text NOT NULL DEFAULT 'proposed'
    CHECK (state IN ('proposed', 'active', 'declined', 'suspended', 'ended')),
  proposed_by uuid NOT NULL, endorsed_by uuid, endorsed_at timestamptz, accepted_by uuid, accepted_at timestamptz,
  decided_by uuid, decided_at timestamptz, reason text, created_at timestamptz NOT NULL,
  CONSTRAINT active_means_accepted CHECK (state NOT IN ('active', 'suspended') OR accepted_by IS NOT NULL),
  CONSTRAINT starts_before_it_ends CHECK (starts_on <= ends_on));
CREATE INDEX agreements_area ON agreements (area, id);
CREATE INDEX agreements_organization ON agreements (organization_id);
CREATE TABLE policies (
  id uuid PRIMARY KEY, version integer NOT NULL DEFAULT 1, area text COLLATE "C" NOT NULL, kind text NOT NULL,
  "values" jsonb NOT NULL, valid_from timestamptz NOT NULL, valid_until timestamptz,
  state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'ended')), created_by uuid NOT NULL,
  created_at timestamptz NOT NULL, ended_by uuid,
  CONSTRAINT valid_forward CHECK (valid_from <= valid_until));
CREATE INDEX policies_area ON policies (area, kind, valid_from);
"""

UPLOADS = """
CREATE TABLE staged_places (
  job_id uuid NOT NULL REFERENCES jobs ON DELETE CASCADE, place_id uuid NOT NULL, parent_id uuid NOT NULL,
  area text COLLATE "C" NOT NULL, kind text NOT NULL, name text NOT NULL, number integer,
  PRIMARY KEY (job_id, area));
CREATE TABLE staged_households (
  job_id uuid NOT NULL REFERENCES jobs ON DELETE CASCADE, household_id uuid NOT NULL, emergency_id uuid,
  area text COLLATE "C" NOT NULL, door_sealed bytea NOT NULL, door_key bytea NOT NULL, size integer,
  contact_name_sealed bytea, phone_sealed bytea, phone_key bytea, flags_sealed bytea, flags_basis text,
  priority_class smallint NOT NULL, notify text NOT NULL, code_key bytea NOT NULL, code_sealed bytea NOT NULL,
  consent_id uuid, consent_role text, consent_area text COLLATE "C", consent_how text, consent_until timestamptz,
  PRIMARY KEY (job_id, household_id));
"""

FUNCTIONS = """
CREATE FUNCTION registry_lives_in(household uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT EXISTS (SELECT FROM household_claims c
    WHERE c.household_id = household AND c.person_id = linli_person() AND c.state = 'confirmed')
$$;
CREATE FUNCTION registry_household_at(door bytea) RETURNS TABLE (id uuid, area text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT h.id, h.area FROM households h WHERE h.door_key = door AND h.state = 'active'
$$;
CREATE FUNCTION registry_household_area(household uuid) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT h.area FROM households h WHERE h.id = household AND h.state = 'active'
$$;
CREATE FUNCTION registry_try_code(attempt uuid, household uuid, person uuid, code bytea, tries integer, daily integer,
  claims integer) RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public AS $$
DECLARE issued claim_codes; right_code boolean; BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('claim ' || household, 0));
  SELECT * INTO issued FROM claim_codes WHERE household_id = household;
  IF issued.household_id IS NULL
    OR (SELECT count(*) FROM claim_attempts a WHERE a.household_id = household AND NOT accepted
        AND at >= issued.issued_at) >= tries
    OR (SELECT count(*) FROM claim_attempts a WHERE a.person_id = person AND NOT accepted
        AND at >= now() - interval '1 day') >= daily
    OR (SELECT count(*) FROM household_claims c WHERE c.household_id = household AND c.confirmed_how = 'code') >= claims
  THEN RETURN 'exhausted'; END IF;
  right_code := issued.code_key = code;
  INSERT INTO claim_attempts VALUES (attempt, household, person, now(), right_code);
  RETURN CASE WHEN right_code THEN 'accepted' ELSE 'wrong' END;
END $$;
CREATE FUNCTION registry_people_by(phone bytea, id_number bytea) RETURNS SETOF people
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT p.* FROM people p WHERE p.phone_key = phone OR p.id_number_key = id_number
$$;
CREATE FUNCTION registry_person_exists(person uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT EXISTS (SELECT FROM people p WHERE p.id = person AND p.state = 'active')
$$;
"""

EVERYBODY = {
    "places": "linli_sees(area)",
    "place_states": "linli_sees(area)",
    "emergencies": "linli_touches(areas)",
    "organizations": "linli_sees(area) OR linli_acts_for(id)",
    "policies": "linli_sees(area)",
}
"""Tables that every signed-in person reads; the value says which rows somebody may write."""

WALLS = {
    "notices": "linli_touches(areas)",
    "people": "id = linli_person() OR linli_sees(area)"
    " OR EXISTS (SELECT FROM household_claims c WHERE c.person_id = people.id AND linli_sees(c.area))"
    " OR EXISTS (SELECT FROM roles r WHERE r.person_id = people.id AND linli_sees(r.area))",
    "roles": "person_id = linli_person() OR linli_sees(area) OR linli_acts_for(organization_id)"
    " OR EXISTS (SELECT FROM organizations o WHERE o.id = organization_id AND linli_sees(o.area))",
    "households": "linli_sees(area) OR registry_lives_in(id)",
    "household_merges": "linli_sees(area)",
    "household_claims": "person_id = linli_person() OR linli_sees(area) OR registry_lives_in(household_id)",
    "consents": "person_id = linli_person() OR linli_sees(area) OR registry_lives_in(household_id)",
    "claim_codes": "linli_sees(area)",
    "household_duplicates": "linli_sees(area)",
    "agreements": "linli_sees(area) OR linli_acts_for(organization_id)",
}


def upgrade() -> None:
    schema.create(op, "registry")
    for script in (PLACES, EMERGENCIES, PEOPLE, HOUSEHOLDS, ORGANIZATIONS, UPLOADS, FUNCTIONS):
        schema.run(op, script)
    for table, may_write in EVERYBODY.items():
        schema.protect(op, "registry", table, using="true", check=may_write)
    for table, sees in WALLS.items():
        schema.protect(op, "registry", table, using=sees)
    for table in ("staged_places", "staged_households"):
        schema.protect(op, "registry", table, using="false")
    schema.protect(op, "registry", "claim_attempts", using="false")
    schema.protect(op, "registry", "access_log", using="false", check="true")
