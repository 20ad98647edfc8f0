"""Everything may come twice: an effect claims its event's id in the effect's own transaction."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_CLAIM = text(
    "INSERT INTO inbox (consumer, event_id) SELECT :consumer, come FROM unnest(CAST(:ids AS uuid[])) AS come"
    " ON CONFLICT DO NOTHING RETURNING event_id"
)
_CLAIMED = text("SELECT event_id FROM inbox WHERE consumer = :consumer AND event_id = ANY(CAST(:ids AS uuid[]))")


async def claim(db: AsyncSession, consumer: str, ids: Collection[UUID]) -> set[UUID]:
    """Claims these event ids; returns those that were not claimed before. Waits for another transaction's claim."""
    if not ids:
        return set()
    claimed = await db.execute(_CLAIM, {"consumer": consumer, "ids": sorted(ids)})
    return set(claimed.scalars())


async def claimed(db: AsyncSession, consumer: str, ids: Collection[UUID]) -> set[UUID]:
    """Which of these event ids were claimed before."""
    found = await db.execute(_CLAIMED, {"consumer": consumer, "ids": list(ids)})
    return set(found.scalars())
