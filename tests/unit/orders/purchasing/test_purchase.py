"""The purchase's rules: sending, silence, what a store may confirm."""

from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.purchasing import domain
from services.orders.purchasing.tables import Purchase
from shared.ids import new_id
from shared.problems import Conflict, Invalid, TransitionNotAllowed

pytestmark = pytest.mark.feature("O7")
NOW = datetime(2020, 2, 17, 10, tzinfo=UTC)
ITEMS = [UUID(int=n) for n in range(1, 6)]


def a_purchase() -> Purchase:
    return Purchase(
        id=new_id(),
        code="0017",
        store_id=new_id(),
        area="42.01.12.013",
        areas=["42.01.12.013.001"],
        delivery_on=date(2020, 2, 19),
        send_at=NOW,
        confirm_seconds=3600,
        price_list_id=new_id(),
        created_by=new_id(),
        created_at=NOW,
    )


def test_a_silent_store_is_asked_twice_and_then_left() -> None:
    purchase = a_purchase()
    assert domain.silence(purchase, NOW) is None
    domain.send(purchase, NOW)
    assert domain.silence(purchase, NOW + timedelta(seconds=3599)) is None
    assert domain.silence(purchase, NOW + timedelta(seconds=3600)) == "resend"
    domain.resend(purchase, NOW + timedelta(hours=1))
    assert domain.silence(purchase, NOW + timedelta(hours=1)) is None
    assert domain.silence(purchase, NOW + timedelta(hours=2)) == "cancel"
    domain.confirm(purchase, NOW + timedelta(hours=2))
    assert domain.silence(purchase, NOW + timedelta(hours=9)) is None


def test_repeated_verbs_are_no_second_event() -> None:
    purchase = a_purchase()
    assert domain.send(purchase, NOW) == "purchase.sent"
    assert domain.send(purchase, NOW) is None
    assert domain.confirm(purchase, NOW) == "purchase.confirmed"
    assert domain.confirm(purchase, NOW) is None
    assert domain.cancel(purchase, "cancel", "emergency", NOW) == "purchase.cancelled"
    assert domain.cancel(purchase, "cancel", "mistake", NOW) is None
    assert (purchase.reason, purchase.version) == ("emergency", 4)


def test_what_the_machine_does_not_allow() -> None:
    purchase = a_purchase()
    with pytest.raises(TransitionNotAllowed):
        domain.confirm(purchase, NOW)
    with pytest.raises(TransitionNotAllowed):
        domain.cancel(purchase, "refuse", "store_refused", NOW)
    purchase.state = "receiving"
    with pytest.raises(TransitionNotAllowed):
        domain.cancel(purchase, "cancel", "other", NOW)


def test_it_is_not_sent_for_ever() -> None:
    purchase = a_purchase()
    domain.send(purchase, NOW)
    for _ in range(4):
        domain.resend(purchase, NOW)
    with pytest.raises(Conflict):
        domain.resend(purchase, NOW)


@pytest.mark.parametrize(
    ("send_at", "lead_days", "fine"),
    [
        ("2020-02-17T15:59:00+00:00", 2, True),  # 23:59 in Wuhan, the day before
        ("2020-02-17T16:00:00+00:00", 2, False),  # midnight in Wuhan
        ("2020-02-18T10:00:00+00:00", 1, True),
        ("2020-02-19T10:00:00+00:00", 0, True),
        ("2020-02-17T09:59:00+00:00", 0, False),  # in the past
    ],
)
def test_the_day_before_is_chinas_day(send_at: str, lead_days: int, fine: bool) -> None:
    refused = nullcontext() if fine else pytest.raises(Invalid)
    with refused:
        domain.check_dates(datetime.fromisoformat(send_at), date(2020, 2, 19), lead_days, NOW)


@given(
    ordered=st.dictionaries(st.sampled_from(ITEMS), st.integers(0, 5)),
    lines=st.lists(st.tuples(st.sampled_from(ITEMS), st.integers(0, 6)), max_size=7),
)
def test_a_confirmation_answers_what_was_ordered(ordered: dict[UUID, int], lines: list[tuple[UUID, int]]) -> None:
    answered = dict(lines)
    right = (
        len(answered) == len(lines)
        and all(item in ordered and qty <= ordered[item] for item, qty in lines)
        and all(item in answered for item, qty in ordered.items() if qty)
    )
    if right:
        domain.check_confirmation(ordered, lines)
    else:
        with pytest.raises(Invalid) as refused:
            domain.check_confirmation(ordered, lines)
        assert refused.value.errors
