"""Webhooks out: secrets, what has happened (the feed's rows), endpoints, deliveries with their attempts."""

from alembic import op

from shared import schema

revision = "0010"
down_revision = "0001"

SIGNING = """
CREATE TABLE signing_secrets (
  id uuid PRIMARY KEY, owner_id uuid NOT NULL, sealed bytea NOT NULL,
  created_at timestamptz NOT NULL, expires_at timestamptz);
CREATE INDEX signing_secrets_owner ON signing_secrets (owner_id, id);
CREATE UNIQUE INDEX signing_secrets_present ON signing_secrets (owner_id) WHERE expires_at IS NULL;
"""

FEED = """
CREATE TABLE feed_events (
  id uuid PRIMARY KEY,
  position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  topic text NOT NULL, type text NOT NULL, entity_id uuid NOT NULL, seq bigint NOT NULL,
  area text COLLATE "C", areas text[] NOT NULL, organization_ids uuid[] NOT NULL,
  recorded_at timestamptz NOT NULL, body text NOT NULL);
CREATE INDEX feed_events_recorded ON feed_events (recorded_at, position);
"""

ENDPOINTS = """
CREATE TABLE webhook_endpoints (
  id uuid PRIMARY KEY, version integer NOT NULL CHECK (version >= 1),
  state text NOT NULL CHECK (state IN ('pending', 'enabled', 'disabled', 'deleted')), reason text,
  name text NOT NULL CHECK (length(name) <= 120), url text NOT NULL CHECK (length(url) <= 2000),
  event_types text[] NOT NULL CHECK (cardinality(event_types) BETWEEN 1 AND 100),
  areas text[] NOT NULL CHECK (cardinality(areas) <= 200),
  area text COLLATE "C", organization_id uuid,
  handshake_attempts smallint NOT NULL DEFAULT 0, handshake_due_at timestamptz, handshake_error text,
  failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0), breaker_round integer NOT NULL DEFAULT 0,
  paused_until timestamptz, created_by uuid NOT NULL, created_at timestamptz NOT NULL,
  CONSTRAINT one_owner CHECK (num_nonnulls(area, organization_id) = 1),
  CONSTRAINT an_area_hears_of_its_places CHECK (area IS NULL OR cardinality(areas) > 0),
  CONSTRAINT only_pending_shakes_hands CHECK (handshake_due_at IS NULL OR state = 'pending'))
  WITH (fillfactor = 50);
CREATE INDEX webhook_endpoints_area ON webhook_endpoints (area, id);
CREATE INDEX webhook_endpoints_organization ON webhook_endpoints (organization_id, id);
CREATE INDEX webhook_endpoints_handshake ON webhook_endpoints (handshake_due_at) WHERE handshake_due_at IS NOT NULL;
"""

# No foreign key to the endpoint: endpoints are never removed, and every insert would write a lock into its one row.
# NULLS NOT DISTINCT: one event goes to an endpoint once by itself (replay_id NULL) and once per replay.
DELIVERIES = """
CREATE TABLE webhook_deliveries (
  id uuid PRIMARY KEY DEFAULT uuidv7(),
  position bigint GENERATED ALWAYS AS IDENTITY,
  endpoint_id uuid NOT NULL, event_id uuid NOT NULL, replay_id uuid,
  event_type text NOT NULL, entity_id uuid NOT NULL, seq bigint NOT NULL,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed', 'cancelled')),
  attempts smallint NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  next_attempt_at timestamptz NOT NULL DEFAULT now(), lease uuid, leased_until timestamptz,
  last_status smallint, last_error text, created_at timestamptz NOT NULL DEFAULT now(), finished_at timestamptz,
  CONSTRAINT once_per_replay UNIQUE NULLS NOT DISTINCT (endpoint_id, event_id, replay_id),
  CONSTRAINT finished_means_final CHECK ((state = 'pending') = (finished_at IS NULL)))
  WITH (fillfactor = 70);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_attempt_at, position) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_entity ON webhook_deliveries (endpoint_id, entity_id, position);
CREATE INDEX webhook_deliveries_listed ON webhook_deliveries (endpoint_id, position);
CREATE TABLE webhook_attempts (
  delivery_id uuid NOT NULL REFERENCES webhook_deliveries ON DELETE CASCADE, number smallint NOT NULL,
  started_at timestamptz NOT NULL, duration_ms integer NOT NULL, status smallint, error text,
  PRIMARY KEY (delivery_id, number));
"""

OF_A_VISIBLE_ENDPOINT = "EXISTS (SELECT 1 FROM webhook_endpoints AS mine WHERE mine.id = endpoint_id)"


def upgrade() -> None:
    for script in (SIGNING, FEED, ENDPOINTS, DELIVERIES):
        schema.run(op, script)
    organizations = "string_to_array(nullif(current_setting('linli.organizations', true), ''), ',')::uuid[]"
    schema.protect(op, "gateway", "feed_events", f"linli_touches(areas) OR organization_ids && {organizations}")
    schema.protect(op, "gateway", "webhook_endpoints", "linli_sees(area) OR linli_acts_for(organization_id)")
    schema.protect(op, "gateway", "webhook_deliveries", OF_A_VISIBLE_ENDPOINT)
