"""DDL of the bus, for the first migration of every service: outbox, inbox, parked events, what the broker had.

The outbox lies in daily partitions (by ``recorded_at``), the inbox in weekly ones (event ids are UUIDv7, so a range of
ids is a range of time). ``bus_maintain()`` makes partitions ahead and drops old ones; it runs with the owner's rights,
takes no arguments, and the relay calls it hourly. A default partition takes what falls between, so that an insert never
fails for want of a partition.

How long: outbox 30 days once published (what a lost broker can be given again); inbox 90 days (a topic's 30 days, the
outbox's 30 and a month of parking); parked events 90 days after they were replayed or discarded.
"""

from typing import Any

OUTBOX = """
CREATE SEQUENCE outbox_id;
CREATE TABLE outbox (
  id bigint NOT NULL DEFAULT nextval('outbox_id'),
  event_id uuid NOT NULL,
  topic text NOT NULL,
  key uuid NOT NULL,
  seq bigint NOT NULL,
  type text NOT NULL,
  payload jsonb CHECK (pg_column_size(payload) <= 262144),
  headers jsonb NOT NULL DEFAULT '{}',
  occurred_at timestamptz,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  published_at timestamptz
) PARTITION BY RANGE (recorded_at);
CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL;
CREATE TABLE outbox_default PARTITION OF outbox DEFAULT;
ALTER SEQUENCE outbox_id OWNED BY outbox.id;
"""

INBOX = """
CREATE TABLE inbox (
  consumer text NOT NULL,
  event_id uuid NOT NULL,
  claimed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer, event_id)
) PARTITION BY RANGE (event_id);
CREATE TABLE inbox_default PARTITION OF inbox DEFAULT;
"""

PARKED = """
CREATE TABLE parked_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  consumer text NOT NULL,
  topic text NOT NULL,
  "partition" integer NOT NULL,
  "offset" bigint NOT NULL,
  key uuid NOT NULL,
  event_id uuid NOT NULL,
  type text,
  record_key bytea,
  headers jsonb NOT NULL,
  body bytea,
  error text NOT NULL,
  attempts integer NOT NULL,
  state text NOT NULL DEFAULT 'parked' CHECK (state IN ('parked', 'replayed', 'discarded')),
  parked_at timestamptz NOT NULL DEFAULT now(),
  replay_requested_at timestamptz,
  resolved_at timestamptz,
  UNIQUE (consumer, event_id)
);
CREATE INDEX parked_events_waiting ON parked_events (consumer, key, id) WHERE state = 'parked';
CREATE INDEX parked_events_requested ON parked_events (consumer, id)
  WHERE state = 'parked' AND replay_requested_at IS NOT NULL;
CREATE TABLE parked_actions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  parked_id bigint NOT NULL REFERENCES parked_events ON DELETE CASCADE,
  action text NOT NULL CHECK (action IN ('fix', 'request_replay', 'replay', 'discard', 'erase')),
  actor text NOT NULL,
  note text,
  body_sha256 bytea,
  at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX parked_actions_of ON parked_actions (parked_id);
"""

BROKER = """
CREATE TABLE broker_state (
  topic text PRIMARY KEY,
  cluster_id text NOT NULL,
  acknowledged bigint[] NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE republish_requests (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  reason text NOT NULL,
  phase text NOT NULL DEFAULT 'unmark' CHECK (phase IN ('unmark', 'snapshot', 'finished')),
  requested_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
);
"""

# Attached, not created in place: ATTACH does not stop writers of the other partitions. Where the default partition
# already holds rows of the range (the worker was away for a week) they stay there, and the range is left out.
ATTACH = """
CREATE FUNCTION bus_attach(parent text, child text, lower text, upper text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  IF to_regclass('public.' || quote_ident(child)) IS NOT NULL THEN RETURN; END IF;
  EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', child, parent);
  EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                 parent, child, lower, upper);
EXCEPTION WHEN check_violation THEN
  RAISE WARNING '% keeps rows in its default partition that belong into %', parent, child;
END $$;
"""

MAINTAIN = """
CREATE FUNCTION bus_maintain() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public SET lock_timeout = '1s' AS $$
DECLARE
  today date := (now() AT TIME ZONE 'UTC')::date;
  monday date := date_trunc('week', now() AT TIME ZONE 'UTC')::date;
  day date;
  old record;
  waits boolean;
BEGIN
  FOR ahead IN 0..7 LOOP
    day := today + ahead;
    PERFORM bus_attach('outbox', 'outbox_' || to_char(day, 'YYYYMMDD'), day || ' 00:00+00', day + 1 || ' 00:00+00');
  END LOOP;
  FOR ahead IN 0..3 LOOP
    day := monday + 7 * ahead;
    PERFORM bus_attach('inbox', 'inbox_' || to_char(day, 'YYYYMMDD'), bus_first_id(day)::text,
                       bus_first_id(day + 7)::text);
  END LOOP;
  FOR old IN SELECT c.oid::regclass AS name, right(c.relname, 8)::date AS starts, p.inhparent::regclass::text AS parent
    FROM pg_inherits p JOIN pg_class c ON c.oid = p.inhrelid
    WHERE p.inhparent IN ('public.outbox'::regclass, 'public.inbox'::regclass) AND c.relname ~ '_[0-9]{8}$'
  LOOP
    IF old.parent = 'inbox' AND old.starts + 7 <= today - 90 THEN
      EXECUTE format('DROP TABLE %s', old.name);
    ELSIF old.parent = 'outbox' AND old.starts + 1 <= today - 30 THEN
      EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE published_at IS NULL)', old.name) INTO waits;
      IF NOT waits THEN EXECUTE format('DROP TABLE %s', old.name); END IF;
    END IF;
  END LOOP;
  DELETE FROM outbox_default WHERE published_at IS NOT NULL AND recorded_at < now() - interval '30 days';
  DELETE FROM inbox_default WHERE claimed_at < now() - interval '90 days';
  DELETE FROM parked_events WHERE state <> 'parked' AND resolved_at < now() - interval '90 days';
END $$;
"""

FIRST_ID = """
CREATE FUNCTION bus_first_id(day date) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex((day - date '1970-01-01')::bigint * 86400000), 12, '0') || repeat('0', 20))::uuid
$$;
"""


def create(op: Any) -> None:
    """Everything that the bus needs in a service's database; ``op`` is alembic's, run by the owner."""
    for script in (OUTBOX, INBOX, PARKED, BROKER):
        for statement in script.split(";\n"):
            if statement.strip():
                op.execute(statement)
    for function in (ATTACH, FIRST_ID, MAINTAIN):
        op.execute(function)
    op.execute("SELECT bus_maintain()")
