"""Webhooks in: registered sources, and messages, unique by (source, webhook-id)."""

from alembic import op

from shared import schema

revision = "0011"
down_revision = "0010"

INBOUND = """
CREATE TABLE inbound_sources (
  id uuid PRIMARY KEY, version integer NOT NULL CHECK (version >= 1),
  state text NOT NULL CHECK (state IN ('active', 'disabled')), reason text,
  kind text NOT NULL CHECK (kind IN ('city_command', 'store')),
  name text NOT NULL CHECK (length(name) <= 120),
  area text COLLATE "C" NOT NULL, organization_id uuid,
  created_by uuid NOT NULL, created_at timestamptz NOT NULL,
  CONSTRAINT a_store_is_an_organization CHECK ((kind = 'store') = (organization_id IS NOT NULL)));
CREATE INDEX inbound_sources_area ON inbound_sources (area, id);
CREATE TABLE inbound_messages (
  id uuid PRIMARY KEY, version integer NOT NULL CHECK (version >= 1),
  source_id uuid NOT NULL REFERENCES inbound_sources, webhook_id text NOT NULL CHECK (length(webhook_id) <= 256),
  type text NOT NULL, state text NOT NULL CHECK (state IN ('received', 'applied', 'rejected')),
  area text COLLATE "C" NOT NULL, organization_id uuid,
  sealed bytea NOT NULL, content_hash bytea NOT NULL, request_id text,
  attempts integer NOT NULL DEFAULT 0, next_attempt_at timestamptz NOT NULL DEFAULT now(), leased_until timestamptz,
  problem jsonb, result_url text, received_at timestamptz NOT NULL, finished_at timestamptz,
  CONSTRAINT once_per_source UNIQUE (source_id, webhook_id),
  CONSTRAINT finished_means_final CHECK ((state = 'received') = (finished_at IS NULL)),
  CONSTRAINT rejected_says_why CHECK (state <> 'rejected' OR problem IS NOT NULL))
  WITH (fillfactor = 70);
CREATE INDEX inbound_messages_due ON inbound_messages (next_attempt_at) WHERE state = 'received';
CREATE INDEX inbound_messages_listed ON inbound_messages (source_id, id);
"""

MINE = "linli_sees(area) OR linli_acts_for(organization_id)"


def upgrade() -> None:
    schema.run(op, INBOUND)
    schema.protect(op, "gateway", "inbound_sources", MINE)
    schema.protect(op, "gateway", "inbound_messages", MINE)
