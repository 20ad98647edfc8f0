"""When a call is published, and who holds a place (feature D1)."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatch.recruitment import domain
from services.dispatch.recruitment.domain import CALL
from services.dispatch.recruitment.tables import CallPlaces, RecruitmentCall
from shared.clock import now
from shared.ids import new_id
from shared.problems import Conflict, Invalid, TransitionNotAllowed

pytestmark = pytest.mark.feature("D1")
TODAY, NOW = date(2020, 2, 23), now()


def a_call(**fields: Any) -> RecruitmentCall:
    facts: dict[str, Any] = {
        "content": "分拣",
        "starts_on": TODAY,
        "ends_on": TODAY + timedelta(days=30),
        "service_hours": "8:00–18:00",
        "conditions": "身体健康",
        "how_to_apply": "应用内报名",
        "risks": "有感染风险",
        "protection": "口罩手套",
    }
    made = facts | {"id": new_id(), "area": "42.01.12.013", "areas": ["42.01.12.013"], "title": "招募", "wanted": 3}
    return RecruitmentCall(**made | {"created_by": new_id(), "created_at": NOW} | fields)


def test_publishing_twice_happens_once() -> None:
    call = a_call()
    assert domain.publish(call, new_id(), TODAY, NOW) == "recruitment_call.published"
    assert domain.publish(call, new_id(), TODAY, NOW) is None
    assert call.version == 2


@pytest.mark.parametrize("fact", domain.FACTS)
def test_no_fact_may_be_missing(fact: str) -> None:
    call = a_call(**{fact: None})
    with pytest.raises(Invalid) as refusal:
        domain.publish(call, new_id(), TODAY, NOW)
    assert [error.pointer for error in refusal.value.errors] == [f"/{fact}"]
    assert (call.state, call.version) == ("draft", 1)


def test_every_missing_fact_is_named_at_once() -> None:
    errors = domain.missing_facts(a_call(risks=None, protection=None, dangerous=True), TODAY)
    assert [error.pointer for error in errors] == ["/risks", "/protection", "/insured"]


def test_what_is_over_is_not_published() -> None:
    for fields in ({"ends_on": TODAY - timedelta(days=1), "starts_on": None}, {"apply_until": NOW}):
        with pytest.raises(Invalid):
            domain.publish(a_call(**fields), new_id(), TODAY, NOW)


@pytest.mark.parametrize(
    ("state", "allowed"),
    [("draft", ["cancel", "publish"]), ("published", ["cancel", "close"]), ("closed", []), ("cancelled", [])],
)
def test_the_machine(state: str, allowed: list[str]) -> None:
    assert CALL.allowed(state) == allowed
    for action in {"publish", "close", "cancel"} - set(allowed):
        if (state, action) not in {("published", "publish"), ("closed", "close"), ("cancelled", "cancel")}:
            with pytest.raises(TransitionNotAllowed):
                CALL.step(state, action)


def test_closing_and_cancelling_twice_happen_once_and_keep_the_first_reason() -> None:
    closed, cancelled = a_call(state="published"), a_call()
    assert domain.close(closed, "filled", None, NOW) == "recruitment_call.closed"
    assert domain.close(closed, "time", None, NOW) is None
    assert domain.cancel(cancelled, "unsafe", "没有口罩", NOW) == "recruitment_call.cancelled"
    assert domain.cancel(cancelled, "other", None, NOW) is None
    assert (closed.reason, cancelled.reason, cancelled.note) == ("filled", "unsafe", "没有口罩")


def test_sign_up_ends_with_its_time_to_the_moment() -> None:
    call = a_call(state="published", apply_until=NOW)
    assert domain.takes_sign_ups(call, NOW - timedelta(microseconds=1))
    assert not domain.takes_sign_ups(call, NOW)
    assert not domain.takes_sign_ups(a_call(), NOW)


def test_nobody_passes_those_who_wait() -> None:
    places = CallPlaces(recruitment_call_id=new_id(), places_left=1, waiting=1)
    assert domain.admit(places) == "waitlisted"
    assert (places.places_left, places.waiting) == (1, 2)


def test_fewer_cannot_be_wanted_than_hold_a_place() -> None:
    call, places = a_call(wanted=3), CallPlaces(recruitment_call_id=new_id(), places_left=1)
    with pytest.raises(Conflict):
        domain.resize(call, places, 1)
    domain.resize(call, places, 2)
    assert (call.wanted, places.places_left) == (2, 0)


ACTIONS = st.lists(
    st.one_of(
        st.just(("sign_up", 0)),
        st.tuples(st.just("leave"), st.integers(0, 50)),
        st.tuples(st.just("promote"), st.integers(1, 3)),
        st.tuples(st.just("resize"), st.integers(1, 8)),
    ),
    max_size=60,
)


@given(st.integers(1, 5), ACTIONS)
def test_places_held_and_left_are_what_is_wanted_and_the_line_keeps_its_order(
    wanted: int, actions: list[tuple[str, int]]
) -> None:
    call, places = a_call(wanted=wanted), CallPlaces(recruitment_call_id=new_id(), places_left=wanted)
    holding: list[int] = []
    line: list[int] = []
    for number, (action, by) in enumerate(actions):
        if action == "sign_up":
            (holding if domain.admit(places) == "signed_up" else line).append(number)
        elif action == "leave" and (everybody := holding + line):
            gone = everybody[by % len(everybody)]
            domain.give_back(places, "signed_up" if gone in holding else "waitlisted")
            (holding if gone in holding else line).remove(gone)
        elif action == "promote":
            count = domain.promote(places, by)
            holding, line = holding + line[:count], line[count:]
        elif action == "resize" and by >= len(holding):
            domain.resize(call, places, by)
        assert (places.places_left, places.waiting) == (call.wanted - len(holding), len(line))
        assert places.places_left >= 0
    domain.promote(places, len(actions))
    assert not (places.places_left and places.waiting)
