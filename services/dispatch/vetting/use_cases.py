"""Signing up, and what the street decides. Locks are taken in one order: places, call, sign-ups, volunteers."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.dispatch import copies
from services.dispatch.access import log_access
from services.dispatch.recruitment.domain import admit, give_back, takes_sign_ups
from services.dispatch.recruitment.tables import CallPlaces, RecruitmentCall
from services.dispatch.recruitment.use_cases import PROMOTE, locked_places
from services.dispatch.sealed import only, opened, seal
from services.dispatch.vetting import domain
from services.dispatch.vetting.messages import sign_up_event
from services.dispatch.vetting.schemas import SignUpCreate, SignUpRefuse, SignUpReveal, SignUpRevealed, SignUpWithdraw
from services.dispatch.vetting.tables import SignUp
from services.dispatch.volunteers.enlist import enlist
from shared.answers import id_conflict, same_or_conflict
from shared.auth import Principal
from shared.bus.outbox import record
from shared.clock import shanghai_date
from shared.contracts.dispatch import RECORD
from shared.database import fetched, locked, transaction_time, unknown_reference
from shared.ids import new_id
from shared.privacy import Vault
from shared.problems import Conflict, Forbidden, Problem, invalid
from shared.timers import schedule
from shared.web import Transition


async def create_sign_up(db: AsyncSession, who: Principal, body: SignUpCreate, vault: Vault) -> SignUp:
    """The caller signs up for themselves, at once; when every place is held they join the waitlist.

    Raises Invalid for a minor or somebody unfit, Problem (consent_required), Conflict when the call takes nobody any
    more or the caller is in it already.
    """
    if who.kind != "person":
        raise Forbidden(("只有本人可以报名。", "Only a person can volunteer; sign in as one."))
    if body.id and (there := await db.get(SignUp, body.id)):
        return await _same(there, who, body, vault)
    await _check(db, body)
    sealed = await seal(vault, who.id, _private(body))
    places = (await locked_places(db, [body.recruitment_call_id]))[body.recruitment_call_id]
    call = await _call_that_takes(db, body.recruitment_call_id)
    await _must_be_new(db, call.id, who.id)
    now = transaction_time(db)
    sign_up = SignUp(
        id=body.id or new_id(),
        area=call.area,
        person_id=who.id,
        state=admit(places),
        **_clear(body),
        **sealed,
        id_number_key=vault.lookup(body.id_number, "id_number"),
        health_declared_on=shanghai_date(now),
        created_at=now,
    )
    db.add(sign_up)
    happened = "sign_up.created" if sign_up.state == "signed_up" else "sign_up.waitlisted"
    record(db, RECORD, happened, sign_up_event(sign_up))
    return sign_up


def _clear(body: SignUpCreate) -> dict[str, Any]:
    clear = {"recruitment_call_id", "home_area", "skills", "availability", "carrying_capacity_kg"}
    return body.model_dump(include=clear)


def _private(body: SignUpCreate) -> dict[str, str | None]:
    return {
        "name": body.name,
        "phone": body.phone,
        "id_number": body.id_number,
        "health_note": body.health.note,
    }


async def _same(there: SignUp, who: Principal, body: SignUpCreate, vault: Vault) -> SignUp:
    """The sign-up that the client's id names; what was deleted meanwhile is not compared."""
    plain = (await opened(vault, [(there.person_id, there)]))[0]
    if there.person_id != who.id or any(plain[f] not in (None, value) for f, value in _private(body).items()):
        raise id_conflict()
    return same_or_conflict(there, _clear(body))


async def _check(db: AsyncSession, body: SignUpCreate) -> None:
    call = await db.get(RecruitmentCall, body.recruitment_call_id)
    if call is None or call.published_at is None:
        raise unknown_reference(body.recruitment_call_id, "/recruitment_call_id")
    if not body.consent:
        raise Problem(
            (
                "报名需要您同意保存身份和健康申报信息。",
                "Signing up needs your consent to keep identity and health data.",
            ),
            code="consent_required",
        )
    if not body.risks_read:
        raise invalid("/risks_read", "required", "请先阅读招募说明和风险。", "Read the call with its risks first.")
    if body.home_area not in await copies.place_names(db, [body.home_area]):
        raise invalid("/home_area", "unknown", "没有此地点, 或已撤销。", "There is no such place; read /v1/places.")
    today = shanghai_date(transaction_time(db))
    domain.check_age(body.id_number, call.minimum_age, call.maximum_age, today)
    domain.check_health(body.health.fit_to_serve, body.health.symptoms, body.health.contact_with_case)


async def _call_that_takes(db: AsyncSession, call_id: UUID) -> RecruitmentCall:
    """The call as it is now that its places are locked. Raises Conflict when it takes nobody any more."""
    query = select(RecruitmentCall).where(col(RecruitmentCall.id) == call_id)
    call = (await db.execute(query.execution_options(populate_existing=True))).scalar_one()
    if not takes_sign_ups(call, transaction_time(db)):
        raise Conflict(
            ("本次招募已停止报名, 请看其他招募。", "The call takes no more sign-ups; look at the other calls."),
            code="transition_not_allowed",
            state=call.state,
            allowed_actions=[],
        )
    return call


async def _must_be_new(db: AsyncSession, call_id: UUID, person_id: UUID) -> None:
    """One sign-up per person and call; one that was withdrawn may be followed by another, at the end of the line."""
    present = select(col(SignUp.id)).where(
        col(SignUp.recruitment_call_id) == call_id,
        col(SignUp.person_id) == person_id,
        col(SignUp.state) != "withdrawn",
    )
    if (found := (await db.execute(present)).scalar_one_or_none()) is not None:
        raise Conflict(
            ("您已报名, 请查看报名状态。", "You have signed up for this call already; read that sign-up."),
            sign_up_id=str(found),
        )


async def under_lock(db: AsyncSession, sign_up_id: UUID) -> tuple[CallPlaces, SignUp]:
    """The sign-up with the places of its call. Raises NotFound."""
    call_id = (await fetched(db, SignUp, sign_up_id)).recruitment_call_id
    places = (await locked_places(db, [call_id]))[call_id]
    return places, await locked(db, SignUp, sign_up_id)


async def free(db: AsyncSession, places: CallPlaces, state: str) -> None:
    """Gives back what a sign-up in ``state`` held; the first in line is promoted right after, by a timer."""
    give_back(places, state)
    if places.waiting and places.places_left:
        await schedule(db, PROMOTE, places.recruitment_call_id, transaction_time(db))


async def approve_sign_up(db: AsyncSession, who: Principal, sign_up_id: UUID, body: Transition) -> SignUp:
    """The person may serve, and is a volunteer from now on. Raises Conflict for one who is suspended."""
    sign_up = await locked(db, SignUp, sign_up_id)
    who.must("sign_ups.approve", on=sign_up.area)
    if problem := (await enlist_all(db, [sign_up])).get(sign_up.id):
        raise problem
    if happened := domain.approve(sign_up, who.id, transaction_time(db)):
        record(db, RECORD, happened, sign_up_event(sign_up), occurred_at=body.occurred_at)
    return sign_up


async def enlist_all(db: AsyncSession, sign_ups: Sequence[SignUp]) -> dict[UUID, Problem]:
    """Makes volunteers of those that are about to be approved; why not, by sign-up."""
    fresh = [one for one in sign_ups if domain.SIGN_UP.step(one.state, "approve") != one.state]
    if not fresh:
        return {}
    calls = {one.recruitment_call_id for one in fresh}
    query = select(col(RecruitmentCall.id), col(RecruitmentCall.areas)).where(col(RecruitmentCall.id).in_(calls))
    return await enlist(db, fresh, dict((await db.execute(query)).all()))


async def refuse_sign_up(
    db: AsyncSession, who: Principal, sign_up_id: UUID, body: SignUpRefuse, vault: Vault
) -> SignUp:
    """Not for this call, for a reason from the list; identity, contact and health are deleted."""
    places, sign_up = await under_lock(db, sign_up_id)
    who.must("sign_ups.refuse", on=sign_up.area)
    note = (await seal(vault, sign_up.person_id, {"note": body.note}))["note_sealed"]
    before = sign_up.state
    if happened := domain.refuse(sign_up, body.reason_code, note, who.id, transaction_time(db)):
        await free(db, places, before)
        record(db, RECORD, happened, sign_up_event(sign_up), occurred_at=body.occurred_at)
    return sign_up


async def withdraw_sign_up(db: AsyncSession, who: Principal, sign_up_id: UUID, body: SignUpWithdraw) -> SignUp:
    """The person's own decision, or the street's on their word."""
    places, sign_up = await under_lock(db, sign_up_id)
    if sign_up.person_id != who.id:
        who.must("sign_ups.withdraw", on=sign_up.area)
    before = sign_up.state
    if happened := domain.withdraw(sign_up, body.reason_code, who.id, transaction_time(db)):
        await free(db, places, before)
        record(db, RECORD, happened, sign_up_event(sign_up), occurred_at=body.occurred_at)
    return sign_up


async def reveal_sign_up(
    db: AsyncSession, who: Principal, sign_up_id: UUID, body: SignUpReveal, vault: Vault
) -> SignUpRevealed:
    """Fields in clear, for a purpose that is written down; everybody may see their own."""
    sign_up = await fetched(db, SignUp, sign_up_id)
    if sign_up.person_id != who.id:
        who.must("sign_ups.reveal", on=sign_up.area)
    await log_access(
        db,
        who,
        "sign_ups.reveal",
        body.purpose,
        area=sign_up.area,
        subject=sign_up.person_id,
        ref=sign_up.id,
        fields=body.fields,
    )
    clear = (await opened(vault, [(sign_up.person_id, sign_up)]))[0]
    return SignUpRevealed.model_validate({"id": sign_up.id} | only(clear, body.fields))
