"""Copies of what another service owns, kept from its state topics; can always be thrown away and built again.

A copy table is ``(key uuid PRIMARY KEY, seq bigint, payload jsonb)`` plus columns that PostgreSQL derives from the
payload. After a tombstone the row stays with ``payload IS NULL`` (and every derived column null), so that an older
event that comes again cannot bring the state back: queries by a derived column need no further condition, others say
``payload IS NOT NULL``.
"""

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.contracts.base import Contract, Event, identity

Derived = str | tuple[str, str]


def create_copy_table(op: Any, table: str, generated: Mapping[str, Derived] | None = None) -> None:
    """For a migration. ``generated``: column → SQL type (the payload's field of that name), or column → (SQL type,
    expression over ``payload``). Text is compared by bytes, so that a subtree of areas is an index range.
    """
    columns = "".join(f", {_column(name, derived)}" for name, derived in (generated or {}).items())
    op.execute(f"CREATE TABLE {table} (key uuid PRIMARY KEY, seq bigint NOT NULL, payload jsonb{columns})")


def _column(name: str, derived: Derived) -> str:
    if isinstance(derived, tuple):
        kind, expression = derived
    else:
        kind, field = derived, f"payload->>'{name}'"
        expression = {"text": field, "jsonb": f"payload->'{name}'"}.get(kind, f"({field})::{kind}")
    collation = ' COLLATE "C"' if kind == "text" else ""
    return f"{name} {kind}{collation} GENERATED ALWAYS AS ({expression}) STORED"


# Of two events with one seq the later snapshot wins: it is the same state, perhaps written by a newer version that
# knows more fields. The join decides by what is committed; the condition after ON CONFLICT guards against another
# worker that was faster.
_UPSERT = """
INSERT INTO {table} AS mine (key, seq, payload)
SELECT come.key, come.seq, CAST(come.payload AS jsonb)
FROM unnest(CAST(:keys AS uuid[]), CAST(:seqs AS bigint[]), CAST(:payloads AS text[]), CAST(:again AS boolean[]))
  AS come (key, seq, payload, again)
LEFT JOIN {table} AS had ON had.key = come.key
WHERE had.key IS NULL OR had.seq < come.seq OR (had.seq = come.seq AND come.again)
ORDER BY come.key
ON CONFLICT (key) DO UPDATE SET seq = excluded.seq, payload = excluded.payload WHERE mine.seq <= excluded.seq
"""


@dataclass(frozen=True)
class CopyInto:
    """The handler that keeps ``table``: one statement for a batch, the newest event of each key, newer seq only."""

    table: str

    async def __call__(self, db: AsyncSession, events: Sequence[Event]) -> None:
        newest: dict[UUID, Event] = {}
        for event in events:
            held = newest.get(event.key)
            if held is None or held.seq < event.seq or (held.seq == event.seq and _is_snapshot(event)):
                newest[event.key] = event
        latest = list(newest.values())
        values = {
            "keys": [event.key for event in latest],
            "seqs": [event.seq for event in latest],
            "payloads": [event.body for event in latest],
            "again": [_is_snapshot(event) for event in latest],
        }
        await db.execute(text(_UPSERT.format(table=self.table)), values)


def copy_into(table: str) -> CopyInto:
    """``Subscription(topic, "copy", copy_into("household_copies"))``."""
    return CopyInto(table)


def _is_snapshot(event: Event) -> bool:
    return event.type.endswith(".snapshot")


def row_digest(key: UUID, seq: int, payload: Any) -> bytes:
    """SHA-256 of one aggregate: key, seq, payload as JSON with sorted keys."""
    return hashlib.sha256(orjson.dumps([str(key), seq, payload], option=orjson.OPT_SORT_KEYS)).digest()


def hash_of(rows: Iterable[tuple[UUID, int, Any]]) -> str:
    """One hex SHA-256 over ``(key, seq, payload)`` rows, whatever their order; equal for an owner and a true copy."""
    return _combined(row_digest(*row) for row in rows)


def _combined(digests: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


async def copy_hash(db: AsyncSession, table: str) -> str:
    """The hash of a copy table; compare with the owner's ``owner_hash``."""
    rows = await db.stream(text(f"SELECT key, seq, payload FROM {table} WHERE payload IS NOT NULL"))  # noqa: S608
    return _combined([row_digest(*row) async for row in rows])


async def owner_hash(states: AsyncIterator[Contract]) -> str:
    """The hash of what a copy of these states must hold."""
    return _combined([_state_digest(state) async for state in states])


def _state_digest(state: Contract) -> bytes:
    named = identity(state)
    return row_digest(named.id, named.version, orjson.loads(state.to_json()))
