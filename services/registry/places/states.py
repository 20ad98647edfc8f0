"""Declaring and revoking the state of a compound, building or entrance."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.registry.emergencies.queries import emergencies_over
from services.registry.places.schemas import PlaceStateCreate
from services.registry.places.tables import Place, PlaceState
from services.registry.places.use_cases import settle
from shared.answers import same_or_conflict
from shared.auth import Principal
from shared.database import fetched, insert_rows, locked, transaction_time, unknown_reference
from shared.ids import new_id
from shared.problems import invalid
from shared.timers import schedule
from shared.web import Transition

TURN = "place_state.turn"
"""Timer: a declared state begins or ends; ``ref`` is its id."""

_TIMERS = text("INSERT INTO timers (id, kind, ref, due_at) VALUES (:id, :kind, :ref, :due_at)")


async def declare_state(db: AsyncSession, who: Principal, body: PlaceStateCreate) -> PlaceState:
    """Declares a state for a time; it takes effect at once or by timer."""
    place = await db.get(Place, body.place_id)
    if place is None or place.abolished_on is not None:
        raise unknown_reference(body.place_id, "/place_id")
    who.must("place_states.create", on=place.area)
    now = transaction_time(db)
    if body.id and (present := await db.get(PlaceState, body.id)):
        return same_or_conflict(present, {"place_id": body.place_id, "state": body.state, "until_at": body.until_at})
    from_at = body.from_at or now
    if body.until_at is not None and body.until_at <= max(from_at, now):
        raise invalid(
            "/until_at", "too_early", "结束时间须晚于开始时间。", "It must end after it begins, and after now."
        )
    _must_fit(place, body.state)
    emergency = (await emergencies_over(db, [place.area])).get(place.area)
    state = PlaceState(
        id=body.id or new_id(),
        area=place.area,
        place_id=place.id,
        state=body.state,
        from_at=from_at,
        until_at=body.until_at,
        notice_id=body.notice_id,
        emergency_id=emergency.id if emergency else None,
        note=body.note,
        created_by=who.id,
        created_at=now,
    )
    db.add(state)
    await db.flush()
    await _set_timers(db, state, now)
    await settle(db, [place.id], now)
    return state


def _must_fit(place: Place, state: str) -> None:
    if place.kind not in ("compound", "building", "entrance"):
        raise invalid(
            "/place_id",
            "wrong_level",
            "只能为小区、楼栋或单元设定状态。",
            "Only compounds, buildings and entrances have states.",
        )
    if state == "epidemic_free" and place.kind != "compound":
        raise invalid("/state", "wrong_level", "无疫情状态只适用于小区。", "Only a compound can be epidemic-free.")


async def _set_timers(db: AsyncSession, state: PlaceState, now: datetime) -> None:
    for due_at in (state.from_at, state.until_at):
        if due_at is not None and due_at > now:
            await schedule(db, TURN, state.id, due_at)


async def revoke_state(db: AsyncSession, who: Principal, state_id: UUID, body: Transition) -> PlaceState:
    """Takes a declared state back; what held before it holds again."""
    state = await locked(db, PlaceState, state_id)
    who.must("place_states.revoke", on=state.area)
    if state.revoked_at is not None:
        return state
    now = transaction_time(db)
    state.revoked_at, state.revoked_by, state.reason = now, who.id, body.reason_code or body.note
    state.version += 1
    await db.flush()
    await settle(db, [state.place_id], now)
    return state


async def turn(db: AsyncSession, state_id: UUID, now: datetime) -> None:
    """Timer: the state begins or ends now."""
    state = await fetched(db, PlaceState, state_id)
    await settle(db, [state.place_id], now)


async def declare_for_all(
    db: AsyncSession,
    who: Principal,
    places: Sequence[Place],
    state: str,
    from_at: datetime,
    until_at: datetime | None,
    notice_id: UUID | None,
    emergency_id: UUID | None,
) -> int:
    """Declares one state for many places in few statements; returns how many places changed at once."""
    now = transaction_time(db)
    rows = [
        {
            "id": new_id(), "version": 1, "area": place.area, "place_id": place.id, "state": state,
            "from_at": from_at, "until_at": until_at, "notice_id": notice_id, "emergency_id": emergency_id,
            "created_by": who.id, "created_at": now,
        }
        for place in places
    ]  # fmt: skip
    await insert_rows(db, PlaceState, rows)
    for due_at in (from_at, until_at):
        if due_at is not None and due_at > now:
            ids = [{"id": new_id(), "kind": TURN, "ref": row["id"], "due_at": due_at} for row in rows]
            await db.execute(_TIMERS, ids)
    return await settle(db, [place.id for place in places], now)
