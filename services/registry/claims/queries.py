"""Reading claims."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.registry.checks import among
from services.registry.claims.tables import HouseholdClaim
from shared.areas import within


async def open_claim(db: AsyncSession, household_id: UUID, person_id: UUID) -> HouseholdClaim | None:
    """The person's claim on the household that was not refused."""
    query = select(HouseholdClaim).where(
        col(HouseholdClaim.household_id) == household_id,
        col(HouseholdClaim.person_id) == person_id,
        col(HouseholdClaim.state) != "refused",
    )
    return (await db.execute(query)).scalar_one_or_none()


async def confirmed_claim(db: AsyncSession, household_id: UUID, person_id: UUID) -> HouseholdClaim | None:
    claim = await open_claim(db, household_id, person_id)
    return claim if claim is not None and claim.state == "confirmed" else None


def listing(
    area: Sequence[str], household_id: Sequence[UUID], person_id: Sequence[UUID], state: Sequence[str]
) -> Select[Any]:
    query = select(HouseholdClaim)
    if area:
        query = query.where(within(col(HouseholdClaim.area), area))
    if household_id:
        query = query.where(among(col(HouseholdClaim.household_id), household_id))
    if person_id:
        query = query.where(among(col(HouseholdClaim.person_id), person_id))
    if state:
        query = query.where(col(HouseholdClaim.state).in_(state))
    return query
