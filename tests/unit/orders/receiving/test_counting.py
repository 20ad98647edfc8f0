"""What a receipt may say: only what was confirmed for its place, each lot once, everything counted in the end."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.receiving.domain import Counted, Expected, check_complete, check_lines, overlaps
from shared.problems import Conflict, Invalid

pytestmark = pytest.mark.feature("O9")
RICE, PORK = UUID(int=1), UUID(int=2)
EXPECTED = {RICE: Expected(RICE, 12, 10), PORK: Expected(PORK, 3, 0)}


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=4))
def test_usable_units_of_an_item_never_exceed_what_was_confirmed(lots: list[tuple[int, int]]) -> None:
    lines = [Counted(RICE, str(n), received, min(received, damaged)) for n, (received, damaged) in enumerate(lots)]
    if sum(line.good for line in lines) <= 10:
        check_lines(lines, EXPECTED)
    else:
        with pytest.raises(Invalid) as refusal:
            check_lines(lines, EXPECTED)
        assert refusal.value.errors[0].params == {"max": 10}


@pytest.mark.parametrize(
    ("line", "pointer", "code"),
    [
        (Counted(UUID(int=9), "A", 1, 0), "/lines/1/item_id", "unknown"),
        (Counted(RICE, "A", 1, 0), "/lines/1/lot_no", "duplicate"),
        (Counted(RICE, "B", 1, 2), "/lines/1/damaged", "too_large"),
        (Counted(PORK, "A", 1, 0), "/lines/1/received", "too_large"),
    ],
)
def test_a_wrong_line_is_named(line: Counted, pointer: str, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        check_lines([Counted(RICE, "A", 1, 0), line], EXPECTED)
    assert [(e.pointer, e.code) for e in refusal.value.errors] == [(pointer, code)]


def test_damaged_units_do_not_count_against_what_was_confirmed() -> None:
    check_lines([Counted(RICE, "A", 12, 2)], EXPECTED)


def test_what_was_confirmed_must_be_counted_and_what_was_not_need_not() -> None:
    check_complete([RICE], EXPECTED)
    with pytest.raises(Conflict):
        check_complete([], EXPECTED)


@pytest.mark.parametrize(
    ("area", "others", "does"),
    [
        ("42.01.12.013.001", ["42.01.12.013.002"], False),
        ("42.01.12.013.001", ["42.01.12.013.001"], True),
        ("42.01.12.013", ["42.01.12.013.001"], True),
        ("42.01.12.013.001", ["42.01.12.013"], True),
        ("42.01.12.013.001", [], False),
    ],
)
def test_receipts_never_overlap(area: str, others: list[str], does: bool) -> None:
    assert overlaps(area, others) is does
