"""Reading policies: lists, what counts where, snapshots."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.registry.batches import batches
from services.registry.policies import domain
from services.registry.policies.kinds import KINDS, HouseholdValues
from services.registry.policies.messages import policy_state
from services.registry.policies.schemas import EffectivePolicy, PolicyPublic
from services.registry.policies.tables import Policy
from shared.areas import within
from shared.contracts.base import Contract
from shared.database import transaction_time


def listing(area: Sequence[str], kind: Sequence[str], state: Sequence[str]) -> Select[Any]:
    query = select(Policy)
    if area:
        query = query.where(within(col(Policy.area), area))
    if kind:
        query = query.where(col(Policy.kind).in_(kind))
    if state:
        query = query.where(col(Policy.state).in_(state))
    return query


async def _above(db: AsyncSession, area: str, kinds: Sequence[str]) -> Sequence[Policy]:
    """Active policies of the area and of every area above it."""
    keys = area.split(".")
    paths = [".".join(keys[: n + 1]) for n in range(len(keys))]
    query = select(Policy).where(
        col(Policy.area).in_(paths), col(Policy.kind).in_(kinds), col(Policy.state) == "active"
    )
    return (await db.execute(query)).scalars().all()


async def effective(db: AsyncSession, area: str, kinds: Sequence[str], at: datetime) -> list[EffectivePolicy]:
    """Per kind what counts in the area: the nearest policy, or the defaults."""
    policies = await _above(db, area, kinds)
    found = []
    for kind in kinds:
        policy = domain.effective((one for one in policies if one.kind == kind), area, at)
        values = policy.values if policy else KINDS[kind].values().model_dump()
        shown = PolicyPublic.model_validate(policy) if policy else None
        found.append(EffectivePolicy(kind=kind, values=values, policy=shown))
    return found


async def household_values(db: AsyncSession, area: str) -> HouseholdValues:
    """``registry.households`` as it counts in the area now."""
    found = await effective(db, area, ["registry.households"], transaction_time(db))
    return HouseholdValues.model_validate(found[0].values)


async def snapshots(db: AsyncSession) -> AsyncIterator[Contract]:
    """The thin state of every policy, ended ones included."""
    async for rows in batches(db, Policy):
        for row in rows:
            yield policy_state(row)
