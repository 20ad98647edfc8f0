"""Who may sign up, and what becomes of a sign-up (feature D1)."""

from datetime import date

import pytest

from services.dispatch.vetting import domain
from services.dispatch.vetting.domain import SIGN_UP
from services.dispatch.vetting.tables import SignUp
from shared.clock import now
from shared.ids import new_id
from shared.problems import Invalid, TransitionNotAllowed

pytestmark = pytest.mark.feature("D1")
NOW = now()
BORN_1949 = "11010519491231002X"


def a_sign_up(state: str = "signed_up") -> SignUp:
    return SignUp(
        id=new_id(),
        area="42.01.12.013",
        home_area="42.01.12.013.001",
        recruitment_call_id=new_id(),
        person_id=new_id(),
        state=state,
        name_sealed=b"name",
        phone_sealed=b"phone",
        id_number_sealed=b"number",
        id_number_key=b"key",
        health_note_sealed=b"note",
        carrying_capacity_kg=20,
        health_declared_on=date(2020, 2, 23),
        created_at=NOW,
    )


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        (date(2002, 2, 23), date(2020, 2, 22), 17),
        (date(2002, 2, 23), date(2020, 2, 23), 18),
        (date(2004, 2, 29), date(2022, 2, 28), 17),
        (date(2004, 2, 29), date(2022, 3, 1), 18),
        (date(1949, 12, 31), date(2020, 1, 1), 70),
    ],
)
def test_age_is_counted_in_whole_years(born: date, day: date, age: int) -> None:
    assert domain.age_on(born, day) == age


def test_a_minor_is_refused_however_low_the_call_sets_its_age() -> None:
    domain.check_age(BORN_1949, 18, None, date(1967, 12, 31))
    with pytest.raises(Invalid) as refusal:
        domain.check_age(BORN_1949, 0, None, date(1967, 12, 30))
    (error,) = refusal.value.errors
    assert (error.pointer, error.code, error.params) == ("/id_number", "minor", {"minimum_age": 18})


@pytest.mark.parametrize(("minimum", "maximum", "fits"), [(18, 70, True), (18, 69, False), (71, None, False)])
def test_a_call_may_want_certain_ages(minimum: int, maximum: int | None, fits: bool) -> None:
    if fits:
        domain.check_age(BORN_1949, minimum, maximum, date(2020, 2, 23))
        return
    with pytest.raises(Invalid) as refusal:
        domain.check_age(BORN_1949, minimum, maximum, date(2020, 2, 23))
    assert refusal.value.errors[0].code == "age_out_of_range"


def test_whoever_declares_to_be_unwell_stays_at_home() -> None:
    domain.check_health(fit_to_serve=True, symptoms=False, contact_with_case=False)
    with pytest.raises(Invalid) as refusal:
        domain.check_health(fit_to_serve=False, symptoms=True, contact_with_case=True)
    assert [error.pointer for error in refusal.value.errors] == [
        "/health/fit_to_serve",
        "/health/symptoms",
        "/health/contact_with_case",
    ]


@pytest.mark.parametrize(
    ("state", "allowed"),
    [
        ("signed_up", ["approve", "refuse", "withdraw"]),
        ("waitlisted", ["refuse", "withdraw"]),
        ("approved", ["withdraw"]),
        ("refused", []),
        ("withdrawn", []),
    ],
)
def test_the_machine(state: str, allowed: list[str]) -> None:
    assert SIGN_UP.allowed(state) == allowed
    done = {"approved": "approve", "refused": "refuse", "withdrawn": "withdraw"}
    for action in {"approve", "refuse", "withdraw"} - set(allowed) - {done.get(state)}:
        with pytest.raises(TransitionNotAllowed):
            SIGN_UP.step(state, action)


def test_every_decision_happens_once() -> None:
    by = new_id()
    approved, refused, withdrawn = a_sign_up(), a_sign_up("waitlisted"), a_sign_up("approved")
    assert domain.approve(approved, by, NOW) == "sign_up.approved"
    assert domain.refuse(refused, "home_too_far", None, by, NOW) == "sign_up.refused"
    assert domain.withdraw(withdrawn, "no_time", by, NOW) == "sign_up.withdrawn"
    assert domain.approve(approved, by, NOW) is None
    assert domain.refuse(refused, "other", None, by, NOW) is None
    assert domain.withdraw(withdrawn, "other", by, NOW) is None
    assert (refused.reason, withdrawn.reason) == ("home_too_far", "no_time")
    assert [one.version for one in (approved, refused, withdrawn)] == [2, 2, 2]


def test_a_refusal_or_withdrawal_forgets_who_it_was() -> None:
    refused, withdrawn = a_sign_up(), a_sign_up("approved")
    domain.refuse(refused, "conduct", b"sealed note", new_id(), NOW)
    domain.withdraw(withdrawn, "unwell", None, NOW)
    for one in (refused, withdrawn):
        kept = (one.name_sealed, one.phone_sealed, one.id_number_sealed, one.id_number_key, one.health_note_sealed)
        assert kept == (None,) * 5
    assert refused.note_sealed == b"sealed note"


def test_promotion_leads_from_the_waitlist_to_the_queue() -> None:
    waiting = a_sign_up("waitlisted")
    assert domain.promote(waiting, NOW) == "sign_up.promoted"
    assert (waiting.state, waiting.version, waiting.promoted_at) == ("signed_up", 2, NOW)
    with pytest.raises(AssertionError):
        domain.promote(waiting, NOW)
