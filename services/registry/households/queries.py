"""Reading households: with their claims and consents, by door, for lists and snapshots."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.registry.batches import batches
from services.registry.checks import among
from services.registry.claims.tables import HouseholdClaim
from services.registry.consents.tables import Consent
from services.registry.households.messages import household_state
from services.registry.households.tables import Household
from shared.areas import within
from shared.contracts.base import Contract
from shared.contracts.registry import HouseholdV1


async def thin_states(db: AsyncSession, households: Sequence[Household]) -> list[HouseholdV1]:
    """What others may know of them: with confirmed claims and present consents, in the order of their ids."""
    ids = [household.id for household in households]
    claims: dict[UUID, list[HouseholdClaim]] = defaultdict(list)
    confirmed = select(HouseholdClaim).where(
        among(col(HouseholdClaim.household_id), ids),
        col(HouseholdClaim.state) == "confirmed",
    )
    for claim in (await db.execute(confirmed.order_by(col(HouseholdClaim.id)))).scalars():
        claims[claim.household_id].append(claim)
    consents: dict[UUID, list[Consent]] = defaultdict(list)
    present = select(Consent).where(among(col(Consent.household_id), ids), col(Consent.state) == "active")
    for consent in (await db.execute(present.order_by(col(Consent.id)))).scalars():
        consents[consent.household_id].append(consent)
    return [household_state(one, claims[one.id], consents[one.id]) for one in households]


async def household_at(db: AsyncSession, door_key: bytes) -> UUID | None:
    """The household behind a door, also outside the caller's areas: only its id."""
    return (await db.execute(text("SELECT id FROM registry_household_at(:door)"), {"door": door_key})).scalar()


async def area_of(db: AsyncSession, household_id: UUID) -> str | None:
    """Where a household is, also outside the caller's areas; None when there is none (any more)."""
    found = await db.execute(text("SELECT registry_household_area(:id)"), {"id": household_id})
    area: str | None = found.scalar()
    return area


def listing(
    area: Sequence[str], id: Sequence[UUID], state: Sequence[str], priority_class: Sequence[int], notify: Sequence[str]
) -> Select[Any]:
    query = select(Household).where(col(Household.state).in_(state or ["active"]))
    if area:
        query = query.where(within(col(Household.area), area))
    if id:
        query = query.where(among(col(Household.id), id))
    if priority_class:
        query = query.where(col(Household.priority_class).in_(priority_class))
    if notify:
        query = query.where(col(Household.notify).in_(notify))
    return query


async def snapshots(db: AsyncSession) -> AsyncIterator[Contract]:
    """The thin state of every household, merged ones included."""
    async for households in batches(db, Household):
        for state in await thin_states(db, households):
            yield state
