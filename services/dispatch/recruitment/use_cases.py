"""The verbs of a call. Locks are taken in one order everywhere: places, call, sign-ups, volunteers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.dispatch import copies
from services.dispatch.recruitment import domain
from services.dispatch.recruitment.messages import call_event
from services.dispatch.recruitment.schemas import (
    RecruitmentCallCancel,
    RecruitmentCallClose,
    RecruitmentCallCreate,
    RecruitmentCallUpdate,
)
from services.dispatch.recruitment.tables import CallPlaces, RecruitmentCall
from shared.answers import same_or_conflict
from shared.areas import BadArea, covers, outermost, smallest_common
from shared.auth import Principal
from shared.bus.outbox import record
from shared.clock import shanghai_date
from shared.contracts import dispatch
from shared.database import fetched, locked, transaction_time, unknown_reference
from shared.ids import new_id
from shared.problems import FieldError, Invalid, TransitionNotAllowed, invalid
from shared.timers import schedule
from shared.web import Transition, must_match

CLOSE, PROMOTE, UNWIND = "recruitment_calls.close", "recruitment_calls.promote", "recruitment_calls.unwind"
CLEARABLE = frozenset(
    {
        "content",
        "starts_on",
        "ends_on",
        "service_hours",
        "meeting_point",
        "conditions",
        "maximum_age",
        "how_to_apply",
        "risks",
        "protection",
        "training",
        "organization_id",
        "emergency_id",
        "apply_until",
    }
)


async def create_call(db: AsyncSession, who: Principal, body: RecruitmentCallCreate) -> RecruitmentCall:
    """A draft for areas that are all the caller's."""
    content = body.model_dump(exclude={"id"}) | _spanned(body.areas)
    who.must("recruitment_calls.create", on=content["area"])
    if body.id and (there := await db.get(RecruitmentCall, body.id)):
        return same_or_conflict(there, content)
    call = RecruitmentCall(id=body.id or new_id(), **content, created_by=who.id, created_at=transaction_time(db))
    await _check(db, call)
    db.add(call)
    await db.flush()
    db.add(CallPlaces(recruitment_call_id=call.id, places_left=call.wanted))
    record(db, dispatch.RECRUITMENT_CALL, "recruitment_call.created", call_event(call))
    return call


def _spanned(areas: Sequence[str]) -> dict[str, Any]:
    outer = outermost(areas)
    try:
        return {"areas": outer, "area": smallest_common(outer)}
    except BadArea as error:
        zh, _, en = str(error).partition("|")
        raise invalid("/areas", error.code, zh, en) from None


async def _check(db: AsyncSession, call: RecruitmentCall) -> None:
    """What a call refers to must exist; its days and ages must not contradict each other. Raises Invalid."""
    domain.check_dates(call)
    names = await copies.place_names(db, call.areas)
    detail = ("没有此地点, 或已撤销。", "There is no such place, or it was abolished; read /v1/places.")
    if unknown := [index for index, area in enumerate(call.areas) if area not in names]:
        raise Invalid(detail, errors=[FieldError(f"/areas/{index}", "unknown", detail) for index in unknown])
    if call.organization_id is not None:
        await _must_be_active(db, call.organization_id)
    if call.emergency_id is not None:
        await _must_be_open(db, call.emergency_id, call.areas)


async def _must_be_active(db: AsyncSession, organization_id: UUID) -> None:
    state = await copies.organization_state(db, organization_id)
    if state is None:
        raise unknown_reference(organization_id, "/organization_id")
    if state != "active":
        raise invalid("/organization_id", "closed", "该组织已注销。", "The organization is closed; name another.")


async def _must_be_open(db: AsyncSession, emergency_id: UUID, areas: Sequence[str]) -> None:
    emergency = await copies.emergency(db, emergency_id)
    if emergency is None:
        raise unknown_reference(emergency_id, "/emergency_id")
    if emergency["state"] != "active":
        raise invalid("/emergency_id", "closed", "该应急状态已结束。", "The emergency is over.")
    if not all(any(covers(outer, area) for outer in emergency["areas"]) for area in areas):
        raise invalid(
            "/emergency_id", "elsewhere", "该应急状态不覆盖全部地点。", "The emergency does not cover all the areas."
        )


async def update_call(
    db: AsyncSession, who: Principal, call_id: UUID, body: RecruitmentCallUpdate, version: int
) -> RecruitmentCall:
    """Changes a draft, or the number wanted and the last day of a published call.

    Raises TransitionNotAllowed for anything else, Conflict (limit_reached) when fewer are wanted than hold a place.
    """
    places, call = await under_lock(db, call_id)
    who.must("recruitment_calls.update", on=call.area)
    changes = _changes(call, body.model_dump(exclude_unset=True))
    if not changes:
        return call
    must_match(call.version, version)
    if changes.keys() - domain.CHANGEABLE.get(call.state, changes.keys()):
        raise TransitionNotAllowed("recruitment_call", call.state, "update", domain.CALL.allowed(call.state))
    if "area" in changes:
        who.must("recruitment_calls.update", on=changes["area"])
    domain.resize(call, places, changes.pop("wanted", call.wanted))
    for name, value in changes.items():
        setattr(call, name, value)
    if call.state == "draft":
        await _check(db, call)
    call.version += 1
    record(db, dispatch.RECRUITMENT_CALL, "recruitment_call.updated", call_event(call))
    await _set_timers(db, call, places)
    return call


def _changes(call: RecruitmentCall, wanted: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in wanted.items() if value is not None or name in CLEARABLE}
    if "areas" in given:
        given |= _spanned(given["areas"])
    return {name: value for name, value in given.items() if getattr(call, name) != value}


async def _set_timers(db: AsyncSession, call: RecruitmentCall, places: CallPlaces) -> None:
    if call.state == "published" and call.apply_until is not None:
        await schedule(db, CLOSE, call.id, call.apply_until)
    if places.waiting and places.places_left:
        await schedule(db, PROMOTE, call.id, transaction_time(db))


async def under_lock(db: AsyncSession, call_id: UUID) -> tuple[CallPlaces, RecruitmentCall]:
    """The call with its places: while they are held nobody signs up. Raises NotFound."""
    await fetched(db, RecruitmentCall, call_id)
    return (await locked_places(db, [call_id]))[call_id], await locked(db, RecruitmentCall, call_id)


async def locked_places(db: AsyncSession, call_ids: Sequence[UUID]) -> dict[UUID, CallPlaces]:
    """The places of these calls under lock, taken in the order of their ids."""
    key = col(CallPlaces.recruitment_call_id)
    query = select(CallPlaces).where(key.in_(set(call_ids))).order_by(key).with_for_update()
    rows = (await db.execute(query.execution_options(populate_existing=True))).scalars()
    return {places.recruitment_call_id: places for places in rows}


async def publish_call(db: AsyncSession, who: Principal, call_id: UUID, body: Transition) -> RecruitmentCall:
    """Opens it for sign-up. Raises Invalid when a fact is missing that the law wants stated."""
    places, call = await under_lock(db, call_id)
    who.must("recruitment_calls.publish", on=call.area)
    now = transaction_time(db)
    if happened := domain.publish(call, who.id, shanghai_date(now), now):
        await _check(db, call)
        _tell(db, happened, call, body.occurred_at)
        await _set_timers(db, call, places)
    return call


async def close_call(db: AsyncSession, who: Principal, call_id: UUID, body: RecruitmentCallClose) -> RecruitmentCall:
    """Takes no more sign-ups; those that are there are vetted all the same."""
    _, call = await under_lock(db, call_id)
    who.must("recruitment_calls.close", on=call.area)
    if happened := domain.close(call, body.reason_code, body.note, transaction_time(db)):
        _tell(db, happened, call, body.occurred_at)
    return call


async def cancel_call(db: AsyncSession, who: Principal, call_id: UUID, body: RecruitmentCallCancel) -> RecruitmentCall:
    """Calls it off; sign-ups that are not approved are refused right after, by a timer."""
    _, call = await under_lock(db, call_id)
    who.must("recruitment_calls.cancel", on=call.area)
    if happened := domain.cancel(call, body.reason_code, body.note, transaction_time(db)):
        _tell(db, happened, call, body.occurred_at)
        await schedule(db, UNWIND, call.id, transaction_time(db))
    return call


def _tell(db: AsyncSession, happened: str, call: RecruitmentCall, occurred_at: datetime | None) -> None:
    record(db, dispatch.RECRUITMENT_CALL, happened, call_event(call), occurred_at=occurred_at)
