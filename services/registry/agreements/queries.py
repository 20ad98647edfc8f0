"""Reading agreements for lists and snapshots."""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.registry.agreements.messages import agreement_state
from services.registry.agreements.tables import Agreement
from services.registry.batches import batches
from shared.areas import within
from shared.contracts.base import Contract


def listing(area: Sequence[str], organization_id: Sequence[UUID], state: Sequence[str]) -> Select[Any]:
    query = select(Agreement)
    if area:
        query = query.where(within(col(Agreement.area), area))
    if organization_id:
        query = query.where(col(Agreement.organization_id).in_(organization_id))
    if state:
        query = query.where(col(Agreement.state).in_(state))
    return query


async def snapshots(db: AsyncSession) -> AsyncIterator[Contract]:
    """The thin state of every agreement, over ones included."""
    async for rows in batches(db, Agreement):
        for row in rows:
            yield agreement_state(row)
