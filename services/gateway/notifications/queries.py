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

CLAIMED = "claims @> CAST(:claim AS jsonb)"
HOMES = text(f"SELECT key FROM household_copies WHERE {CLAIMED}")  # noqa: S608 - our own constant


def claim_of(person_id: UUID) -> str:
    """What a household's claims contain when the person's is confirmed: the value of ``:claim``."""
    return orjson.dumps([{"person_id": str(person_id), "state": "confirmed"}]).decode()


async def homes_of(db: AsyncSession, person_id: UUID) -> Sequence[UUID]:
    """The households on which the person's claim is confirmed."""
    return (await db.execute(HOMES, {"claim": claim_of(person_id)})).scalars().all()


async def readable(db: AsyncSession, who: Principal) -> Select[Notification]:
    """Those of one's own households, and of the areas where one may read others'."""
    homes = await homes_of(db, who.id)
    areas = who.areas_for("notifications.read_others")
    return select(Notification).where(
        or_(col(Notification.household_id).in_(homes), within(col(Notification.area), areas))
    )
