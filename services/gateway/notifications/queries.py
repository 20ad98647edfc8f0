"""Whose notifications."""

from collections.abc import Sequence
from uuid import UUID

import orjson
from sqlalchemy import Select, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.gateway.notifications.tables import Notification
from shared.areas import within
from shared.auth import Principal

HOMES = text("SELECT key FROM household_copies WHERE claims @> CAST(:claim AS jsonb)")


async def homes_of(db: AsyncSession, person_id: UUID) -> Sequence[UUID]:
    """The households on which the person's claim is confirmed."""
    claim = orjson.dumps([{"person_id": str(person_id), "state": "confirmed"}]).decode()
    return (await db.execute(HOMES, {"claim": claim})).scalars().all()


async def readable(db: AsyncSession, who: Principal) -> Select[Notification]:
    """Those of one's own households, and of the areas where one may read others'."""
    homes = await homes_of(db, who.id)
    areas = who.areas_for("notifications.read_others")
    return select(Notification).where(
        or_(col(Notification.household_id).in_(homes), within(col(Notification.area), areas))
    )
