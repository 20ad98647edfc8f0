"""A call for volunteers states true facts (GB/T 40143-2021; Regulations on Volunteer Service 2017): time, place,
content, conditions, the number wanted, how to apply, the risks and the protection supplied. Without them it is not
published.

``wanted`` places are held by sign-ups that wait for vetting or are approved. Who comes when all are held waits in line;
a place that becomes free, or is added, goes to the first of them.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from services.dispatch.recruitment.tables import CallPlaces, RecruitmentCall
from shared.machine import Machine
from shared.problems import Conflict, FieldError, Invalid, Text

CALL = Machine(
    "recruitment_call",
    {
        "draft": {"publish": "published", "cancel": "cancelled"},
        "published": {"close": "closed", "cancel": "cancelled"},
        "closed": {},
        "cancelled": {},
    },
)

CHANGEABLE: Mapping[str, frozenset[str]] = {
    "published": frozenset({"wanted", "apply_until"}),
    "closed": frozenset({"wanted"}),
    "cancelled": frozenset(),
}
"""What may change after the draft: people have signed up on the strength of everything else."""

FACTS: Mapping[str, Text] = {
    "content": ("请写明服务内容。", "Say what the volunteers will do."),
    "starts_on": ("请写明服务开始日期。", "Say on which day the service begins."),
    "ends_on": ("请写明服务结束日期。", "Say on which day the service ends."),
    "service_hours": ("请写明服务时间。", "Say at what hours they serve."),
    "conditions": ("请写明报名条件。", "Say what conditions a volunteer must meet."),
    "how_to_apply": ("请写明报名方式。", "Say how one signs up."),
    "risks": ("请如实写明可能的风险。", "State the risks truly."),
    "protection": ("请写明提供的防护。", "State what protection is supplied."),
}

Place = Literal["signed_up", "waitlisted"]


def missing_facts(call: RecruitmentCall, today: date) -> list[FieldError]:
    """What keeps a draft from being published, field by field."""
    errors = [
        FieldError(f"/{name}", "required", detail) for name, detail in FACTS.items() if getattr(call, name) is None
    ]
    if call.ends_on is not None and call.ends_on < today:
        errors.append(FieldError("/ends_on", "too_early", ("服务日期已过。", "The service is over already.")))
    if call.dangerous and not call.insured:
        insured = ("有危险的服务须先购买意外保险。", "Dangerous work needs accident insurance first.")
        errors.append(FieldError("/insured", "required", insured))
    return errors


def check_dates(call: RecruitmentCall) -> None:
    """Raises Invalid when the service ends before it begins, or the ages contradict each other."""
    if call.starts_on and call.ends_on and call.ends_on < call.starts_on:
        detail = ("不得早于开始日期。", "It must not be before starts_on.")
        raise Invalid(detail, errors=[FieldError("/ends_on", "too_early", detail)])
    if call.maximum_age is not None and call.maximum_age < call.minimum_age:
        detail = ("不得小于最低年龄。", "It must not be below minimum_age.")
        raise Invalid(detail, errors=[FieldError("/maximum_age", "too_small", detail)])


def publish(call: RecruitmentCall, by: UUID, today: date, now: datetime) -> str | None:
    """Open it for sign-up. None if it was published already. Raises Invalid when a fact is missing."""
    if (state := CALL.step(call.state, "publish")) == call.state:
        return None
    errors = missing_facts(call, today)
    if call.apply_until is not None and call.apply_until <= now:
        errors.append(FieldError("/apply_until", "too_early", ("报名截止时间已过。", "Sign-up would be over already.")))
    if errors:
        raise Invalid(
            (
                "招募须如实写明全部事项后才能发布。",
                "A call is published once it states every fact; fill in what is listed.",
            ),
            errors=errors,
        )
    call.state, call.published_by, call.published_at = state, by, now
    call.version += 1
    return "recruitment_call.published"


def close(call: RecruitmentCall, reason: str, note: str | None, now: datetime) -> str | None:
    """No more sign-ups; vetting goes on. None if it was closed."""
    if (state := CALL.step(call.state, "close")) == call.state:
        return None
    call.state, call.reason, call.note, call.closed_at = state, reason, note, now
    call.version += 1
    return "recruitment_call.closed"


def cancel(call: RecruitmentCall, reason: str, note: str | None, now: datetime) -> str | None:
    """The service will not take place. None if it was cancelled."""
    if (state := CALL.step(call.state, "cancel")) == call.state:
        return None
    call.state, call.reason, call.note, call.cancelled_at = state, reason, note, now
    call.version += 1
    return "recruitment_call.cancelled"


def takes_sign_ups(call: RecruitmentCall, now: datetime) -> bool:
    return call.state == "published" and (call.apply_until is None or now < call.apply_until)


def admit(places: CallPlaces) -> Place:
    """Takes a place, or joins the waitlist. Nobody passes those who wait already, even while a place is free."""
    if places.places_left and not places.waiting:
        places.places_left -= 1
        return "signed_up"
    places.waiting += 1
    return "waitlisted"


def give_back(places: CallPlaces, state: str) -> None:
    """A sign-up in ``state`` ended: its place is free, or the waitlist is shorter."""
    if state == "waitlisted":
        places.waiting -= 1
    else:
        places.places_left += 1


def resize(call: RecruitmentCall, places: CallPlaces, wanted: int) -> None:
    """Changes the number wanted. Raises Conflict (limit_reached) when more places are held than that."""
    held = call.wanted - places.places_left
    if wanted < held:
        raise Conflict(
            (
                f"已有 {held} 人占用名额, 请先拒绝部分报名。",
                f"{held} sign-ups hold a place; refuse some first, or want at least that many.",
            ),
            code="limit_reached",
        )
    places.places_left = wanted - held
    call.wanted = wanted


def promote(places: CallPlaces, most: int) -> int:
    """How many of the waitlist get a place now; they are counted as holding it."""
    count = min(places.places_left, places.waiting, most)
    places.places_left -= count
    places.waiting -= count
    return count
