"""DDL that every service's database has: the walls of row-level security, idempotency keys, timers, jobs, revocations.

Called by a service's first migration. Roles: ``<service>_owner`` owns (migrations alone), ``<service>_api`` serves
requests behind row-level security, ``<service>_worker`` runs relay, consumers and timers.
"""

from typing import Any

from shared.bus import schema as bus_schema

FUNCTIONS = """
CREATE FUNCTION linli_sees(row_area text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT current_setting('linli.areas', true) = '*' OR EXISTS (
    SELECT 1 FROM unnest(string_to_array(current_setting('linli.areas', true), ',')) AS mine
    WHERE mine <> '' AND (row_area = mine OR starts_with(row_area, mine || '.')))
$$;
CREATE FUNCTION linli_touches(row_areas text[]) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT current_setting('linli.areas', true) = '*' OR EXISTS (
    SELECT 1 FROM unnest(string_to_array(current_setting('linli.areas', true), ',')) AS mine, unnest(row_areas) AS area
    WHERE mine <> '' AND (area = mine OR starts_with(area, mine || '.') OR starts_with(mine, area || '.')))
$$;
CREATE FUNCTION linli_person() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT nullif(current_setting('linli.person', true), '')::uuid
$$;
CREATE FUNCTION linli_acts_for(organization uuid) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT organization::text = ANY (string_to_array(current_setting('linli.organizations', true), ','))
$$;
"""

TABLES = """
CREATE TABLE idempotency_keys (
  caller uuid NOT NULL, key text NOT NULL, route text NOT NULL, fingerprint bytea NOT NULL, ref uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (caller, key, route));
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);
CREATE TABLE timers (
  id uuid PRIMARY KEY, kind text NOT NULL, ref uuid NOT NULL, due_at timestamptz NOT NULL,
  attempts integer NOT NULL DEFAULT 0, last_error text, done_at timestamptz, UNIQUE (kind, ref, due_at));
CREATE INDEX timers_due ON timers (due_at) WHERE done_at IS NULL;
CREATE TABLE revocations (session_id uuid PRIMARY KEY, not_before timestamptz NOT NULL);
CREATE TABLE jobs (
  id uuid PRIMARY KEY, kind text NOT NULL, area text COLLATE "C" NOT NULL, created_by uuid NOT NULL,
  state text NOT NULL DEFAULT 'queued' CHECK (state IN
    ('queued', 'running', 'awaiting_confirmation', 'confirmed', 'succeeded', 'failed', 'cancelled')),
  done integer NOT NULL DEFAULT 0, total integer, parameters jsonb NOT NULL DEFAULT '{}', content bytea,
  problem jsonb, row_errors jsonb NOT NULL DEFAULT '[]', result_url text,
  created_at timestamptz NOT NULL DEFAULT now(), finished_at timestamptz);
CREATE INDEX jobs_waiting ON jobs (created_at) WHERE state IN ('queued', 'confirmed', 'running');
"""


def create(op: Any, service: str) -> None:
    """Everything a service's database starts with."""
    for statement in (FUNCTIONS, TABLES):
        run(op, statement)
    bus_schema.create(op)
    protect(op, service, "jobs", "created_by = linli_person() OR linli_sees(area)")


def run(op: Any, script: str) -> None:
    """Runs a script of several statements; the asyncpg driver takes one at a time."""
    buffer = ""
    for line in script.splitlines(keepends=True):
        buffer += line
        if line.rstrip().endswith(";") and buffer.count("$$") % 2 == 0:
            op.execute(buffer)
            buffer = ""
    assert not buffer.strip(), buffer


def protect(op: Any, service: str, table: str, using: str, check: str | None = None) -> None:
    """Forces row-level security on ``table``: the API's role sees rows where ``using`` holds and writes rows where
    ``check`` (default: ``using``) holds; the worker and the owner see all.
    """
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY api ON {table} TO {service}_api USING ({using}) WITH CHECK ({check or using})")
    op.execute(f"CREATE POLICY inside ON {table} TO {service}_worker, {service}_owner USING (true) WITH CHECK (true)")
