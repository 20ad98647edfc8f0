"""Reading a whole table in bounded batches, for snapshots."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.registry.rows import RegistryRow

BATCH = 1_000
Rows = TypeVar("Rows", bound=RegistryRow)


async def batches(db: AsyncSession, table: type[Rows]) -> AsyncIterator[Sequence[Rows]]:
    """All rows in the order of their ids; the session holds a batch only as long as somebody else does."""
    key: Any = table.id  # type: ignore[attr-defined]
    last = UUID(int=0)
    while rows := (await db.execute(select(table).where(key > last).order_by(key).limit(BATCH))).scalars().all():
        last = rows[-1].id  # type: ignore[attr-defined]
        yield rows
