"""What becomes of missing units: obeyed as chosen, on what is left, never dearer."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.allocation.domain import Claim
from services.orders.allocation.substitution import Missing, Settlement, Spare, settle
from tests.unit.orders.allocation.claims import household

pytestmark = [pytest.mark.feature("O8"), pytest.mark.feature("O3")]
RICE, FLOUR, ROUND = UUID(int=1), UUID(int=2), UUID(int=3)


@st.composite
def missing_lines(draw: st.DrawFn) -> list[Missing]:
    rows = st.tuples(
        st.integers(0, 5),
        st.integers(1, 6),
        st.integers(0, 500),
        st.sampled_from(["swap", "refund", "call"]),
        st.sampled_from([RICE, FLOUR, None]),
    )
    return [
        Missing(
            claim=Claim(UUID(int=100 + n), household(house), units, 1 + house % 3),
            order_id=UUID(int=200 + house),
            round_id=ROUND,
            ordered_for=household(house),
            unit_price_fen=price,
            substitution=choice,
            swap_item_id=swap,
        )
        for n, (house, units, price, choice, swap) in enumerate(draw(st.lists(rows, max_size=10)))
    ]


spares = st.builds(
    lambda rice, flour, price, ration: [Spare(RICE, rice, price, ration), Spare(FLOUR, flour, price // 2, None)],
    st.integers(0, 12),
    st.integers(0, 12),
    st.integers(0, 500),
    st.none() | st.integers(1, 4),
)


@given(missing_lines(), spares)
def test_every_missing_unit_is_swapped_refunded_or_asked_about(missing: list[Missing], left: list[Spare]) -> None:
    for m, s in zip(missing, settle(missing, left, {}, 0), strict=True):
        assert s.missing is m
        assert s.swapped + s.refunded + s.to_call == m.claim.requested
        assert min(s.swapped, s.refunded, s.to_call) >= 0
        assert s.to_call == (m.claim.requested if m.substitution == "call" else 0)
        assert m.substitution == "swap" or not s.swapped


@given(missing_lines(), spares)
def test_no_more_is_swapped_than_is_left_and_nothing_is_left_while_somebody_wants_it(
    missing: list[Missing], left: list[Spare]
) -> None:
    settled = settle(missing, left, {}, 0)
    for spare in left:
        wanting = [s for s in settled if _wants(s.missing, spare)]
        swapped = sum(s.swapped for s in wanting)
        assert swapped <= spare.units
        if spare.ration is None and any(s.refunded for s in wanting):
            assert swapped == spare.units


def _wants(m: Missing, spare: Spare) -> bool:
    return m.substitution == "swap" and m.swap_item_id == spare.item_id and spare.price_fen <= m.unit_price_fen


@given(missing_lines(), spares)
def test_a_swap_never_costs_more_and_a_charge_never_grows(missing: list[Missing], left: list[Spare]) -> None:
    for s in settle(missing, left, {}, 0):
        assert not s.swapped or s.swap_price_fen <= s.missing.unit_price_fen
        assert 0 <= s.reduction_fen <= s.missing.claim.requested * s.missing.unit_price_fen


@given(missing_lines(), spares, st.integers(0, 3))
def test_no_household_swaps_beyond_its_ration(missing: list[Missing], left: list[Spare], had: int) -> None:
    used = {(ROUND, household(house), RICE): had for house in range(6)}
    ration = left[0].ration
    taken: dict[UUID, int] = {}
    for s in settle(missing, left, used, 0):
        if s.missing.swap_item_id == RICE:
            taken[s.missing.ordered_for] = taken.get(s.missing.ordered_for, 0) + s.swapped
    assert ration is None or all(units <= max(0, ration - had) for units in taken.values())


@given(missing_lines(), spares, st.randoms(use_true_random=False))
def test_the_order_of_the_lines_does_not_matter(missing: list[Missing], left: list[Spare], random: object) -> None:
    shuffled = list(missing)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert _by_line(settle(shuffled, left, {}, 5)) == _by_line(settle(missing, left, {}, 5))


def _by_line(settlements: list[Settlement]) -> dict[UUID, Settlement]:
    return {s.missing.claim.line_id: s for s in settlements}
