"""Opening, widening and closing an emergency."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.registry.emergencies import domain
from services.registry.emergencies.messages import emergency_state
from services.registry.emergencies.schemas import EmergencyCreate
from services.registry.emergencies.tables import Emergency
from shared.answers import same_or_conflict
from shared.areas import outermost
from shared.auth import Principal
from shared.bus.outbox import record
from shared.contracts.registry import EMERGENCY
from shared.database import locked, transaction_time
from shared.ids import new_id
from shared.web import Transition


async def create_emergency(db: AsyncSession, who: Principal, body: EmergencyCreate) -> Emergency:
    """Opens an emergency in areas that are all the caller's."""
    for area in body.areas:
        who.must("emergencies.create", on=area)
    if body.id and (present := await db.get(Emergency, body.id)):
        return same_or_conflict(present, {"areas": outermost(body.areas), "title": body.title})
    return open_emergency(
        db,
        who,
        areas=body.areas,
        title=body.title,
        legal_basis=body.legal_basis,
        notice_id=body.notice_id,
        place_state=body.place_state,
        from_at=body.from_at or transaction_time(db),
        emergency_id=body.id,
    )


def open_emergency(
    db: AsyncSession,
    who: Principal,
    *,
    areas: Sequence[str],
    title: str,
    legal_basis: str,
    notice_id: UUID | None,
    place_state: str | None,
    from_at: datetime,
    emergency_id: UUID | None = None,
) -> Emergency:
    """Adds the row and its event; the right was asked for by the caller."""
    area, outer = domain.extended([], areas)
    emergency = Emergency(
        id=emergency_id or new_id(),
        area=area,
        areas=outer,
        title=title,
        legal_basis=legal_basis,
        notice_id=notice_id,
        place_state=place_state,
        from_at=from_at,
        created_by=who.id,
        created_at=transaction_time(db),
    )
    db.add(emergency)
    record(db, EMERGENCY, "emergency.created", emergency_state(emergency))
    return emergency


def update_emergency(db: AsyncSession, emergency: Emergency, areas: Sequence[str], place_state: str | None) -> None:
    """Widens it and takes over another measure; nothing new leaves it as it is."""
    area, outer = domain.extended(emergency.areas, areas)
    measure = place_state or emergency.place_state
    if (outer, measure) == (emergency.areas, emergency.place_state):
        return
    emergency.area, emergency.areas, emergency.place_state = area, outer, measure
    emergency.version += 1
    record(db, EMERGENCY, "emergency.updated", emergency_state(emergency))


async def close_emergency(db: AsyncSession, who: Principal, emergency_id: UUID, body: Transition) -> Emergency:
    """Declares it over; every service hears of it and destroys what was collected under it."""
    emergency = await locked(db, Emergency, emergency_id)
    for area in emergency.areas:
        who.must("emergencies.close", on=area)
    if (state := domain.EMERGENCY.step(emergency.state, "close")) == emergency.state:
        return emergency
    emergency.state, emergency.closed_at, emergency.closed_by = state, transaction_time(db), who.id
    emergency.reason = body.reason_code or body.note
    emergency.version += 1
    record(db, EMERGENCY, "emergency.closed", emergency_state(emergency))
    return emergency
