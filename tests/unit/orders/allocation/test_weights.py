"""The published weights: what a policy may say, and what a household weighs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.allocation.domain import Weights
from services.orders.policy import ShortageValues

pytestmark = pytest.mark.feature("O8")


@given(st.lists(st.integers(1, 100), min_size=1, max_size=6).map(sorted), st.integers(0, 100), st.integers(0, 9))
def test_more_need_never_weighs_less(by_class: list[int], sealed: int, priority_class: int) -> None:
    weights = Weights(tuple(by_class), sealed)
    assert weights.weigh(priority_class + 1, False) >= weights.weigh(priority_class, False) >= 1
    assert weights.weigh(priority_class, True) == weights.weigh(priority_class, False) + sealed


@pytest.mark.parametrize(
    "bad", [((2, 1), 1, 30), ((0, 1), 1, 30), ((), 1, 30), ((1, 101), 1, 30), ((1,), -1, 30), ((1,), 1, 401)]
)
def test_weights_that_make_no_sense_are_refused(bad: tuple[tuple[int, ...], int, int]) -> None:
    with pytest.raises(ValueError, match="weight"):
        Weights(*bad)


@pytest.mark.parametrize("bad", [{"by_class": [3, 1]}, {"by_class": []}, {"by_class": [0]}, {"deficit_days": -1}])
def test_a_policy_that_makes_no_sense_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="ShortageValues"):
        ShortageValues.model_validate(bad)


def test_defaults_of_rule_and_policy_agree() -> None:
    assert Weights().values() == ShortageValues().model_dump()
