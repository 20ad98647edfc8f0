"""Reading roles for lists and snapshots."""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.registry.batches import batches
from services.registry.roles.messages import role_state
from services.registry.roles.tables import Role
from shared.areas import within
from shared.contracts.base import Contract


def listing(
    area: Sequence[str],
    person_id: Sequence[UUID],
    organization_id: Sequence[UUID],
    role: Sequence[str],
    state: Sequence[str],
) -> Select[Any]:
    query = select(Role)
    if area:
        query = query.where(within(col(Role.area), area))  # type: ignore[arg-type]
    if person_id:
        query = query.where(col(Role.person_id).in_(person_id))
    if organization_id:
        query = query.where(col(Role.organization_id).in_(organization_id))
    if role:
        query = query.where(col(Role.role).in_(role))
    if state:
        query = query.where(col(Role.state).in_(state))
    return query


async def snapshots(db: AsyncSession) -> AsyncIterator[Contract]:
    """The thin state of every role, ended ones included."""
    async for rows in batches(db, Role):
        for row in rows:
            yield role_state(row)
