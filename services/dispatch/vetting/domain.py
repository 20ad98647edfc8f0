"""Signing up is open to everybody and instant; the street vets, and says why it refuses (rules.md §2, §4).

Nobody under age serves, and nobody who declares symptoms: both are told at once, and nothing is kept of them.
"""

from datetime import date, datetime
from uuid import UUID

from services.dispatch.vetting.tables import SignUp
from shared.identifiers import born_on
from shared.machine import Machine
from shared.problems import FieldError, Invalid, invalid

SIGN_UP = Machine(
    "sign_up",
    {
        "signed_up": {"approve": "approved", "refuse": "refused", "withdraw": "withdrawn"},
        "waitlisted": {"refuse": "refused", "withdraw": "withdrawn"},
        "approved": {"withdraw": "withdrawn"},
        "refused": {},
        "withdrawn": {},
    },
)
"""From the waitlist nobody is approved past the others: a place that becomes free promotes the first to signed_up."""

LIVING = ("signed_up", "waitlisted", "approved")
ADULT = 18


def age_on(born: date, day: date) -> int:
    """Whole years; somebody born on 29 February is a year older from 1 March in common years."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def check_age(id_number: str, minimum: int, maximum: int | None, today: date) -> None:
    """Raises Invalid at the identity number for somebody under age, or outside the call's ages."""
    age = age_on(born_on(id_number), today)
    if age < ADULT:
        raise invalid(
            "/id_number",
            "minor",
            "未满 18 周岁不能报名, 感谢您的热心。",
            "One must be 18 to sign up; thank you for wanting to help.",
            minimum_age=ADULT,
        )
    if age < minimum or (maximum is not None and age > maximum):
        limits = {"minimum_age": minimum} | ({"maximum_age": maximum} if maximum is not None else {})
        raise invalid(
            "/id_number",
            "age_out_of_range",
            "年龄不符合本次招募的条件, 请看其他招募。",
            "The call is for people of other ages; look at the other calls.",
            **limits,
        )


def check_health(fit_to_serve: bool, symptoms: bool, contact_with_case: bool) -> None:
    """Raises Invalid at each declaration that keeps somebody at home for now."""
    at_home = (
        "请先休息观察, 无症状 14 天后再报名; 如不适请联系社区。",
        "Please stay at home; sign up again after 14 days without symptoms, and call the community if you feel unwell.",
    )
    wrong = {"fit_to_serve": not fit_to_serve, "symptoms": symptoms, "contact_with_case": contact_with_case}
    if errors := [FieldError(f"/health/{name}", "not_fit", at_home) for name, is_wrong in wrong.items() if is_wrong]:
        raise Invalid(at_home, errors=errors)


def approve(sign_up: SignUp, by: UUID, now: datetime) -> str | None:
    """The person may serve. None if that was decided before."""
    if (state := SIGN_UP.step(sign_up.state, "approve")) == sign_up.state:
        return None
    sign_up.state, sign_up.decided_by, sign_up.decided_at = state, by, now
    sign_up.version += 1
    return "sign_up.approved"


def refuse(sign_up: SignUp, reason: str, note: bytes | None, by: UUID | None, now: datetime) -> str | None:
    """The person does not serve for this call, for a reason from the list. None if that was decided before."""
    if (state := SIGN_UP.step(sign_up.state, "refuse")) == sign_up.state:
        return None
    sign_up.state, sign_up.reason, sign_up.note_sealed = state, reason, note
    sign_up.decided_by, sign_up.decided_at = by, now
    _forget(sign_up)
    sign_up.version += 1
    return "sign_up.refused"


def withdraw(sign_up: SignUp, reason: str, by: UUID | None, now: datetime) -> str | None:
    """The person takes it back, also after approval. None if they have."""
    if (state := SIGN_UP.step(sign_up.state, "withdraw")) == sign_up.state:
        return None
    sign_up.state, sign_up.reason, sign_up.decided_by, sign_up.decided_at = state, reason, by, now
    _forget(sign_up)
    sign_up.version += 1
    return "sign_up.withdrawn"


def promote(sign_up: SignUp, now: datetime) -> str:
    """From the waitlist to the vetting queue; no verb of anybody's, a free place does it."""
    assert sign_up.state == "waitlisted"
    sign_up.state, sign_up.promoted_at = "signed_up", now
    sign_up.version += 1
    return "sign_up.promoted"


def _forget(sign_up: SignUp) -> None:
    """The purpose of keeping it has ended (PIPL 47); a volunteer's record is kept elsewhere."""
    sign_up.name_sealed = sign_up.phone_sealed = sign_up.id_number_sealed = None
    sign_up.id_number_key = sign_up.health_note_sealed = None
