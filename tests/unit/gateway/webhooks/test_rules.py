"""The rules of sending: schedule, breaker, consent, catalogue."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.webhooks import domain
from services.gateway.webhooks.catalogue import COLLECTIONS, WITHHELD, entity_of, event_types, known_patterns
from services.gateway.webhooks.domain import HOUR, SCHEDULE, Answer, breathe, judge
from shared.contracts.base import all_topics

OK = Answer(204, None, 3)
FAILED = Answer(500, "status", 3)


def answers(*statuses: int) -> list[Answer]:
    return [OK if status < 300 else Answer(status, "status", 1) for status in statuses]


def total(chance: float) -> float:
    """Seconds between the first and the last attempt of a delivery that always fails."""
    spent, attempts = 0.0, 1
    while (verdict := judge(FAILED, attempts, chance, SCHEDULE)).state == "pending":
        spent, attempts = spent + verdict.delay, attempts + 1
    assert attempts == len(SCHEDULE) + 1
    return spent


@pytest.mark.promise("WO3")
def test_at_least_ten_attempts_over_at_least_72_hours_at_the_lowest_jitter() -> None:
    assert len(SCHEDULE) + 1 >= 10
    assert total(0.0) >= 72 * HOUR


@pytest.mark.promise("WO3")
@given(attempt=st.integers(1, len(SCHEDULE)), chance=st.floats(0, 1, exclude_max=True))
def test_every_delay_is_the_scheduled_one_within_a_fifth(attempt: int, chance: float) -> None:
    delay = judge(FAILED, attempt, chance, SCHEDULE).delay
    assert 0.8 * SCHEDULE[attempt - 1] <= delay <= 1.2 * SCHEDULE[attempt - 1]


@pytest.mark.promise("WO3")
@pytest.mark.parametrize(("wish", "delay"), [(30.0, 30.0), (1.0, 5.0), (10**9, 24 * HOUR)])
def test_retry_after_is_honoured_up_to_a_day_and_never_shortens(wish: float, delay: float) -> None:
    verdict = judge(Answer(503, "status", 1, retry_after=wish), 1, 0.5, SCHEDULE)
    assert (verdict.state, verdict.delay) == ("pending", delay)


def test_a_2xx_is_delivered_and_the_last_failure_is_final() -> None:
    assert judge(OK, 1, 0.5, SCHEDULE).state == "delivered"
    assert judge(FAILED, len(SCHEDULE) + 1, 0.5, SCHEDULE).state == "failed"
    assert judge(Answer(302, "redirected", 1), 1, 0.5, SCHEDULE).state == "pending"


@pytest.mark.promise("WO7")
def test_five_failures_in_a_row_let_it_rest_and_a_success_resets() -> None:
    assert breathe(0, answers(500, 500, 500, 500)).pause is None
    assert breathe(4, answers(500)) == domain.Health(5, 1)
    assert breathe(9, answers(500)).pause == 60
    assert breathe(10**6, answers(500)).pause == domain.BREAKER_PAUSES[-1]
    assert breathe(4, answers(200)) == domain.Health(0)
    assert breathe(0, answers(500, 500, 200, 500, 500)).failures == 2


@pytest.mark.promise("WO7")
def test_many_failures_under_way_at_once_count_as_one_step() -> None:
    assert breathe(0, answers(*[500] * 60)) == domain.Health(5, domain.BREAKER_PAUSES[0])


@pytest.mark.promise("WO6")
@pytest.mark.parametrize("status", [429, 502, 504])
def test_throttling_answers_pause_at_once(status: int) -> None:
    assert breathe(0, answers(status)).pause == domain.BREAKER_PAUSES[0]
    assert breathe(0, [Answer(status, "status", 1, retry_after=40)]).pause == 40
    assert breathe(0, answers(500)).pause is None


@pytest.mark.promise("WO14")
def test_consent_names_us_or_everybody() -> None:
    assert domain.consents("*", "linli.example")
    assert domain.consents(" LINLI.example ", "linli.example")
    assert not domain.consents("other.example", "linli.example")
    assert not domain.consents(None, "linli.example")


@pytest.mark.feature("G16")
def test_every_type_of_every_contract_is_told_or_withheld() -> None:
    words = {entity_of(name) for topic in all_topics() for name in topic.types}
    assert words == set(COLLECTIONS) & words | WITHHELD & words
    assert not set(COLLECTIONS) & WITHHELD
    assert not {entity_of(one.name) for one in event_types()} & WITHHELD


def test_patterns_are_types_entities_and_everything() -> None:
    assert {"purchase.sent", "purchase.*", "*"} <= known_patterns()
    assert not {"person.*", "session.revoked", "purchase.gone"} & known_patterns()
