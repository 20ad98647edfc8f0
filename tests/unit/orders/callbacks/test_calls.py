"""A call is claimed by one person, ends once, and with what it was about."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.orders.callbacks.domain import Outcome, check_outcome, claim, resolve
from services.orders.callbacks.tables import Callback
from shared.problems import Conflict, Invalid, TransitionNotAllowed

pytestmark = pytest.mark.feature("O6")
NOW = datetime(2020, 2, 18, tzinfo=UTC)
ME, OTHER, ITEM = UUID(int=1), UUID(int=2), UUID(int=3)


def _call(about_a_line: bool = True) -> Callback:
    return Callback(
        id=UUID(int=9),
        area="42.01",
        household_id=UUID(int=4),
        order_id=UUID(int=5),
        line_id=UUID(int=6) if about_a_line else None,
        qty=2 if about_a_line else 0,
        reason="confirmed_short",
        due_at=NOW,
        created_at=NOW,
    )


def test_claiming_again_changes_nothing_and_somebody_else_may_not() -> None:
    call = _call()
    assert claim(call, ME, NOW) == "callback.claimed"
    assert claim(call, ME, NOW) is None
    assert call.version == 2
    with pytest.raises(Conflict):
        claim(call, OTHER, NOW)


def test_a_resolved_call_is_neither_claimed_nor_ended_otherwise() -> None:
    call = _call()
    assert resolve(call, "refund", None, ME, NOW) == "callback.resolved"
    assert resolve(call, "refund", None, ME, NOW) is None
    with pytest.raises(Conflict):
        resolve(call, "swap", None, ME, NOW)
    with pytest.raises(TransitionNotAllowed):
        claim(call, ME, NOW)


@pytest.mark.parametrize(
    ("about_a_line", "outcome", "item", "pointer"),
    [
        (True, "told", None, "/outcome"),
        (False, "refund", None, "/outcome"),
        (False, "keep_waiting", None, "/outcome"),
        (True, "swap", None, "/swap_item_id"),
        (True, "refund", ITEM, "/swap_item_id"),
    ],
)
def test_an_outcome_that_does_not_fit_is_refused(
    about_a_line: bool, outcome: Outcome, item: UUID | None, pointer: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        check_outcome(_call(about_a_line), outcome, item)
    assert refusal.value.errors[0].pointer == pointer


@pytest.mark.parametrize(
    ("about_a_line", "outcome", "item"),
    [(False, "told", None), (True, "refund", None), (True, "keep_waiting", None), (True, "swap", ITEM)],
)
def test_an_outcome_that_fits_is_taken(about_a_line: bool, outcome: Outcome, item: UUID | None) -> None:
    check_outcome(_call(about_a_line), outcome, item)
