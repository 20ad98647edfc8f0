"""What every service has, and who signs in: codes, sessions, API clients, limits, copies of roles and organizations."""

from alembic import op

from shared import schema
from shared.bus.copies import create_copy_table

revision = "0001"
down_revision = None

IDENTITY = """
CREATE TABLE sign_in_codes (
  id uuid PRIMARY KEY, phone_hash bytea NOT NULL, code_hash bytea NOT NULL,
  tries smallint NOT NULL DEFAULT 0 CHECK (tries BETWEEN 0 AND 5),
  created_at timestamptz NOT NULL DEFAULT now(), expires_at timestamptz NOT NULL, used_at timestamptz,
  CHECK (expires_at <= created_at + interval '5 minutes'));
CREATE INDEX sign_in_codes_expires ON sign_in_codes (expires_at);

CREATE TABLE sessions (
  id uuid PRIMARY KEY, version integer NOT NULL CHECK (version >= 1), person_id uuid NOT NULL,
  state text NOT NULL CHECK (state IN ('live', 'revoked')), reason text, device text CHECK (length(device) <= 80),
  created_at timestamptz NOT NULL, refreshed_at timestamptz NOT NULL, expires_at timestamptz NOT NULL,
  not_before timestamptz NOT NULL,
  CHECK ((state = 'revoked') = (reason IS NOT NULL)));
CREATE INDEX sessions_person ON sessions (person_id, id);

CREATE TABLE refresh_tokens (
  hash bytea PRIMARY KEY, session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  created_at timestamptz NOT NULL, used_at timestamptz);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

CREATE TABLE api_clients (
  id uuid PRIMARY KEY, version integer NOT NULL CHECK (version >= 1), name text NOT NULL CHECK (length(name) <= 120),
  area text COLLATE "C" NOT NULL, organization_id uuid, role text NOT NULL, scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
  state text NOT NULL CHECK (state IN ('active', 'deleted')), secret_hash bytea NOT NULL,
  previous_secret_hash bytea, previous_until timestamptz, created_by uuid NOT NULL, created_at timestamptz NOT NULL,
  not_before timestamptz NOT NULL,
  CHECK ((role = 'store_manager') = (organization_id IS NOT NULL)));
CREATE INDEX api_clients_area ON api_clients (area, id);

CREATE UNLOGGED TABLE rate_leases (
  bucket text NOT NULL, span bigint NOT NULL, taken integer NOT NULL, expires_at timestamptz NOT NULL,
  PRIMARY KEY (bucket, span));
CREATE INDEX rate_leases_expires ON rate_leases (expires_at);
"""


def upgrade() -> None:
    schema.create(op, "gateway")
    schema.run(op, IDENTITY)
    create_copy_table(op, "role_copies", generated={"person_id": "uuid"})
    op.execute("CREATE INDEX role_copies_person ON role_copies (person_id)")
    create_copy_table(op, "organization_copies", generated={"area": "text"})
    schema.protect(op, "gateway", "sessions", "person_id = linli_person() OR linli_sees(NULL)")
    schema.protect(op, "gateway", "api_clients", "linli_sees(area) OR linli_acts_for(organization_id)")
