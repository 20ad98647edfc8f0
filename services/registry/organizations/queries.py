"""Reading organizations for lists and snapshots."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.registry.batches import batches
from services.registry.organizations.messages import organization_state
from services.registry.organizations.tables import Organization
from shared.areas import within
from shared.contracts.base import Contract


def listing(area: Sequence[str], kind: Sequence[str], state: Sequence[str], uscc: str | None) -> Select[Any]:
    query = select(Organization)
    if area:
        query = query.where(within(col(Organization.area), area))
    if kind:
        query = query.where(col(Organization.kind).in_(kind))
    if state:
        query = query.where(col(Organization.state).in_(state))
    if uscc:
        query = query.where(col(Organization.uscc) == uscc)
    return query


async def snapshots(db: AsyncSession) -> AsyncIterator[Contract]:
    """The thin state of every organization, closed ones included."""
    async for rows in batches(db, Organization):
        for row in rows:
            yield organization_state(row)
