"""Which emergency covers a place."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.registry.emergencies import domain
from services.registry.emergencies.messages import emergency_state
from services.registry.emergencies.tables import Emergency
from shared.areas import within
from shared.contracts.base import Contract
from shared.database import AreaText, transaction_time


async def active(db: AsyncSession) -> Sequence[Emergency]:
    """Emergencies that have begun and are not over; there are never many."""
    query = select(Emergency).where(col(Emergency.state) == "active", col(Emergency.from_at) <= transaction_time(db))
    return (await db.execute(query)).scalars().all()


async def emergencies_over(db: AsyncSession, areas: Iterable[str]) -> dict[str, Emergency]:
    """For each area that one covers: the emergency in force, whose id tags what is collected there."""
    found = await active(db)
    return {area: one for area in set(areas) if (one := domain.over(found, area)) is not None}


async def measure_over(db: AsyncSession, areas: Iterable[str]) -> dict[str, Emergency]:
    """For each area: the emergency whose measure new compounds there come under."""
    wanted = set(areas)
    found = [one for one in await active(db) if one.place_state] if wanted else []
    return {area: one for area in wanted if (one := domain.over(found, area)) is not None}


def listing(area: Sequence[str], state: Sequence[str]) -> Select[Any]:
    """Emergencies that touch the areas."""
    query = select(Emergency)
    if area:
        inside = within(col(Emergency.area), area)
        query = query.where(or_(inside, *(_covers(one) for one in area)))
    if state:
        query = query.where(col(Emergency.state).in_(state))
    return query


def _covers(area: str) -> Any:
    keys = area.split(".")
    above = [".".join(keys[: n + 1]) for n in range(len(keys))]
    areas: Any = Emergency.areas
    return areas.overlap(array(above, type_=AreaText))


async def snapshots(db: AsyncSession) -> AsyncIterator[Contract]:
    """The thin state of every emergency."""
    for emergency in (await db.execute(select(Emergency))).scalars():
        yield emergency_state(emergency)
