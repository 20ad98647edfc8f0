"""After the broker lost events: every outbox row is sent again, then the whole state of every state topic.

Only the relay does it, because it alone decides what is sent next. A request is a row: whoever notices the loss, or an
operator, writes it; the relay picks it up and goes through its phases, beginning a phase again if it dies in it:

1. ``unmark``: every row of the outbox (the last 30 days) counts as unpublished, tombstones included. Event ids stay,
   so effects that happened do not happen twice.
2. The relay sends until nothing waits.
3. ``snapshot``: it reads the whole thin state of each state topic, and sends that before anything else. So a change
   that the reading did not see is sent after the snapshot, and the last record of a key is its newest state, which is
   what compaction keeps. Snapshots get negative ids, which sort before every event.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import asyncpg
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from shared.bus.copies import CopyInto, copy_hash, owner_hash
from shared.bus.outbox import columns_of
from shared.bus.subscription import Subscription
from shared.contracts.base import Contract, Topic

Snapshot = Callable[[AsyncSession], AsyncIterator[Contract]]
"""The thin state of every living aggregate of one state topic."""

_CHUNK_ROWS = 1000
_CHUNK_BLOCKS = 2000

log = structlog.get_logger()

_INSERT = """
INSERT INTO outbox (id, topic, type, event_id, key, seq, payload, headers)
SELECT -nextval('outbox_id'), $1::text, $2::text, *
FROM unnest($3::uuid[], $4::uuid[], $5::bigint[], $6::text[]::jsonb[], $7::text[]::jsonb[])
"""


async def request_republish(db: AsyncSession, reason: str) -> None:
    """Asks the service's relay to send everything again; it begins within seconds, or when it next starts."""
    await db.execute(text("INSERT INTO republish_requests (reason) VALUES (:reason)"), {"reason": reason})


async def unmark(connection: "asyncpg.Connection[Any]") -> int:
    """Every published event counts as unpublished; in short transactions, a range of blocks each. Returns how many."""
    total = 0
    for name, blocks in await connection.fetch(
        "SELECT inhrelid::regclass::text, pg_relation_size(inhrelid) / current_setting('block_size')::int"
        " FROM pg_inherits WHERE inhparent = 'outbox'::regclass ORDER BY 1"
    ):
        for start in range(0, blocks, _CHUNK_BLOCKS):
            done = await connection.execute(
                f"UPDATE {name} SET published_at = NULL WHERE ctid >= '({start},0)' AND ctid <"  # noqa: S608
                f" '({min(start + _CHUNK_BLOCKS, blocks)},0)' AND published_at IS NOT NULL AND id > 0"
            )
            total += int(done.split()[-1])
    return total


async def record_snapshots(
    engine: AsyncEngine, connection: "asyncpg.Connection[Any]", snapshots: Mapping[Topic, Snapshot]
) -> int:
    """Puts the whole state of each topic into the outbox, before all else. Returns how many aggregates."""
    await connection.execute("DELETE FROM outbox WHERE id < 0 AND published_at IS NULL")  # of a run that died
    total = 0
    async with AsyncSession(engine) as db:
        await db.execute(  # reading a whole city may take longer than a worker's transaction usually may
            text(
                "SELECT set_config(name, '0', true) FROM pg_settings"
                " WHERE name IN ('transaction_timeout', 'statement_timeout')"
            )
        )
        for topic, states in snapshots.items():
            chunk: list[Contract] = []
            async for state in states(db):
                chunk.append(state)
                if len(chunk) == _CHUNK_ROWS:
                    total += await _insert(connection, topic, chunk)
                    chunk = []
            total += await _insert(connection, topic, chunk)
    return total


async def _insert(connection: "asyncpg.Connection[Any]", topic: Topic, states: Sequence[Contract]) -> int:
    if states:
        await connection.execute(_INSERT, topic.name, topic.snapshot_type, *columns_of(states))
    return len(states)


async def owner_hashes(db: AsyncSession, snapshots: Mapping[Topic, Snapshot]) -> dict[str, str]:
    """Topic → hash of the state that its copies must hold."""
    return {topic.name: await owner_hash(states(db)) for topic, states in snapshots.items()}


async def copy_hashes(db: AsyncSession, subscriptions: Sequence[Subscription]) -> dict[str, str]:
    """Topic → hash of this service's copy of it; equal to the owner's once the copy has caught up."""
    return {
        one.topic.name: await copy_hash(db, one.handler.table)
        for one in subscriptions
        if isinstance(one.handler, CopyInto)
    }
