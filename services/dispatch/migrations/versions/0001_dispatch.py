"""Everything dispatch starts with: copies, calls with their places, sign-ups, volunteers, the log of looks in clear.

What must never be false is held here: a call is published only with every fact that the law wants stated, dangerous work
is insured, no minors are called, no more places are held than wanted, one sign-up per person and call, one volunteer per
person and identity number, nothing personal is kept of whom the street refused.
"""

from alembic import op

from shared.bus.copies import create_copy_table
from shared.schema import create, protect, run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

COPIES = {
    "place": {"area": "text"},
    "emergency": {"area": "text", "state": "text"},
    "organization": {"state": "text"},
}

RECRUITMENT = """
CREATE INDEX place_copies_area ON place_copies (area);
CREATE TABLE recruitment_calls (
  id uuid PRIMARY KEY, version integer NOT NULL, area text COLLATE "C" NOT NULL,
  areas text[] COLLATE "C" NOT NULL CHECK (cardinality(areas) > 0),
  state text NOT NULL CHECK (state IN ('draft', 'published', 'closed', 'cancelled')), reason text, note text,
  title text NOT NULL CHECK (title <> ''), content text, skills text[] NOT NULL, starts_on date, ends_on date,
  service_hours text, meeting_point text, conditions text,
  minimum_age integer NOT NULL CONSTRAINT no_minors_are_called CHECK (minimum_age >= 18), maximum_age integer,
  wanted integer NOT NULL CHECK (wanted > 0), how_to_apply text, risks text, protection text,
  dangerous boolean NOT NULL, insured boolean NOT NULL, training text, organization_id uuid, emergency_id uuid,
  apply_until timestamptz, created_by uuid NOT NULL, created_at timestamptz NOT NULL, published_by uuid,
  published_at timestamptz, closed_at timestamptz, cancelled_at timestamptz,
  CONSTRAINT starts_before_it_ends CHECK (starts_on <= ends_on),
  CONSTRAINT ages_in_order CHECK (minimum_age <= maximum_age),
  CONSTRAINT published_states_every_fact CHECK (published_at IS NULL OR num_nulls(content, starts_on, ends_on,
    service_hours, conditions, how_to_apply, risks, protection, published_by) = 0),
  CONSTRAINT dangerous_work_is_insured CHECK (published_at IS NULL OR insured OR NOT dangerous),
  CONSTRAINT open_means_published CHECK (state NOT IN ('published', 'closed') OR published_at IS NOT NULL),
  CONSTRAINT ended_for_a_reason CHECK ((state IN ('closed', 'cancelled')) = (reason IS NOT NULL)));
CREATE INDEX recruitment_calls_emergency ON recruitment_calls (emergency_id) WHERE emergency_id IS NOT NULL;
CREATE TABLE recruitment_call_places (
  recruitment_call_id uuid PRIMARY KEY REFERENCES recruitment_calls,
  places_left integer NOT NULL CONSTRAINT no_more_than_wanted CHECK (places_left >= 0),
  waiting integer NOT NULL CHECK (waiting >= 0)) WITH (fillfactor = 50);
"""

VETTING = """
CREATE TABLE sign_ups (
  id uuid PRIMARY KEY, version integer NOT NULL, area text COLLATE "C" NOT NULL, home_area text COLLATE "C" NOT NULL,
  recruitment_call_id uuid NOT NULL REFERENCES recruitment_calls, person_id uuid NOT NULL,
  state text NOT NULL CHECK (state IN ('signed_up', 'waitlisted', 'approved', 'refused', 'withdrawn')), reason text,
  name_sealed bytea, phone_sealed bytea, id_number_sealed bytea, id_number_key bytea, health_note_sealed bytea,
  note_sealed bytea, skills text[] NOT NULL, availability jsonb NOT NULL,
  carrying_capacity_kg integer NOT NULL CHECK (carrying_capacity_kg >= 0), health_declared_on date NOT NULL,
  created_at timestamptz NOT NULL, promoted_at timestamptz, decided_at timestamptz, decided_by uuid,
  CONSTRAINT ended_for_a_reason CHECK ((state IN ('refused', 'withdrawn')) = (reason IS NOT NULL)),
  CONSTRAINT nothing_kept_without_purpose CHECK (num_nonnulls(name_sealed, phone_sealed, id_number_sealed, id_number_key)
    = CASE WHEN state IN ('refused', 'withdrawn') THEN 0 ELSE 4 END
    AND (state NOT IN ('refused', 'withdrawn') OR health_note_sealed IS NULL)),
  CONSTRAINT approved_by_somebody CHECK (state <> 'approved' OR decided_by IS NOT NULL));
CREATE UNIQUE INDEX sign_ups_once ON sign_ups (recruitment_call_id, person_id) WHERE state <> 'withdrawn';
CREATE INDEX sign_ups_queue_of_call ON sign_ups (recruitment_call_id, state, created_at, id);
CREATE INDEX sign_ups_queue ON sign_ups (state, created_at, id);
CREATE INDEX sign_ups_age ON sign_ups (created_at, id);
CREATE INDEX sign_ups_person ON sign_ups (person_id);
CREATE TABLE vetting_batches (
  id uuid PRIMARY KEY, action text NOT NULL CHECK (action IN ('approve', 'refuse')), created_by uuid NOT NULL,
  created_at timestamptz NOT NULL, results jsonb NOT NULL);
"""

VOLUNTEERS = """
CREATE SEQUENCE volunteer_serials;
CREATE TABLE volunteers (
  id uuid PRIMARY KEY, version integer NOT NULL, area text COLLATE "C" NOT NULL,
  serves text[] COLLATE "C" NOT NULL CHECK (cardinality(serves) > 0), volunteer_no text NOT NULL UNIQUE,
  state text NOT NULL CHECK (state IN ('active', 'suspended')), reason text, name_sealed bytea NOT NULL,
  phone_sealed bytea NOT NULL, id_number_sealed bytea NOT NULL, id_number_key bytea NOT NULL UNIQUE,
  health_note_sealed bytea, note_sealed bytea, skills text[] NOT NULL, availability jsonb NOT NULL,
  carrying_capacity_kg integer NOT NULL CHECK (carrying_capacity_kg >= 0), health_declared_on date NOT NULL,
  trainings jsonb NOT NULL, insured_until date, created_at timestamptz NOT NULL, suspended_at timestamptz,
  CONSTRAINT suspended_for_a_reason CHECK (num_nonnulls(reason, suspended_at)
    = CASE WHEN state = 'suspended' THEN 2 ELSE 0 END));
CREATE INDEX volunteers_area ON volunteers (area, id);
CREATE TABLE access_log (
  id uuid PRIMARY KEY, at timestamptz NOT NULL, caller uuid NOT NULL, caller_kind text NOT NULL, verb text NOT NULL,
  purpose text NOT NULL CHECK (purpose <> ''), area text COLLATE "C" NOT NULL, subject uuid NOT NULL, ref uuid NOT NULL,
  fields text[] NOT NULL CHECK (cardinality(fields) > 0));
CREATE INDEX access_log_subject ON access_log (subject, at);
"""

FUNCTIONS = """
CREATE FUNCTION recruitment_progress(wanted uuid) RETURNS TABLE (state text, n bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT s.state, count(*) FROM sign_ups s WHERE s.recruitment_call_id = wanted GROUP BY s.state
$$;
"""

WALLS = {
    "sign_ups": "person_id = linli_person() OR linli_sees(area)",
    "vetting_batches": "created_by = linli_person()",
    "volunteers": "id = linli_person() OR linli_sees(area) OR linli_touches(serves)",
}


def upgrade() -> None:
    create(op, "dispatch")
    for name, derived in COPIES.items():
        create_copy_table(op, f"{name}_copies", generated=derived)
    for script in (RECRUITMENT, VETTING, VOLUNTEERS, FUNCTIONS):
        run(op, script)
    for table, using in WALLS.items():
        protect(op, "dispatch", table, using)
    # Everybody reads what was published; only who acts in the covering area writes.
    published = "published_at IS NOT NULL OR linli_touches(areas)"
    protect(op, "dispatch", "recruitment_calls", published, check="linli_sees(area)")
    protect(op, "dispatch", "access_log", using="false", check="true")
