"""Whatever happens to orders, every fen is accounted for."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.money import domain
from services.orders.money.domain import HELD, RECEIVABLE, REFUND_PAYABLE, STORE_PAYABLE, Balance, Entry, Order
from shared.ids import new_id

ORDER = Order(new_id(), "42.01.12.013.001.c1.b1", new_id())
REF = UUID(int=1)
steps = st.lists(
    st.tuples(st.sampled_from(["charge", "discharge", "collect", "void", "refund", "remit"]), st.integers(1, 5000)),
    max_size=40,
)


def play(moves: list[tuple[str, int]]) -> tuple[Balance, list[Entry]]:
    """Applies the moves as far as the rules allow each."""
    balance, entries = Balance(), []
    for move, fen in moves:
        if move == "charge":
            entries += domain.charge(ORDER, balance, fen)
        elif move == "discharge" and fen <= balance.owed:
            entries += domain.discharge(ORDER, balance, fen)[0]
        elif move == "collect":
            entries += domain.collect(ORDER, balance, fen, REF)
        elif move == "void" and fen <= balance.collected - balance.remitted - balance.refunded - balance.refund_due:
            entries += domain.void(ORDER, balance, fen, REF)
        elif move == "refund" and balance.refund_due:
            entries += domain.pay_refund(ORDER, balance, min(fen, balance.refund_due), REF)
        elif move == "remit":
            entries += domain.remit(ORDER, balance, REF)
    return balance, entries


@pytest.mark.feature("O11")
@given(steps)
def test_counters_and_accounts_tell_the_same(moves: list[tuple[str, int]]) -> None:
    balance, entries = play(moves)
    sums = domain.totals(entries)
    assert sum(sums.values()) == 0
    assert sums.get(HELD, 0) == balance.collected - balance.remitted - balance.refunded
    assert sums.get(STORE_PAYABLE, 0) == balance.remitted - balance.owed
    assert sums.get(REFUND_PAYABLE, 0) == -balance.refund_due
    assert sums.get(RECEIVABLE, 0) == balance.owed - balance.collected + balance.refund_due + balance.refunded


@given(steps)
def test_nothing_held_is_negative(moves: list[tuple[str, int]]) -> None:
    balance, _ = play(moves)
    assert min(balance.owed, balance.collected, balance.remitted, balance.refund_due, balance.refunded) >= 0
    assert balance.collected >= balance.refund_due + balance.refunded


def test_what_was_paid_comes_back_when_the_charge_goes() -> None:
    balance = Balance()
    domain.charge(ORDER, balance, 7000)
    domain.collect(ORDER, balance, 7000, REF)
    _, due = domain.discharge(ORDER, balance, 1500)
    assert (due, balance.refund_due, balance.outstanding, balance.remittable) == (1500, 1500, 0, 5500)


def test_unpaid_charge_taken_back_is_no_refund() -> None:
    balance = Balance()
    domain.charge(ORDER, balance, 7000)
    _, due = domain.discharge(ORDER, balance, 1500)
    assert (due, balance.outstanding) == (0, 5500)


def test_money_that_went_on_cannot_be_voided() -> None:
    balance = Balance()
    domain.charge(ORDER, balance, 100)
    domain.collect(ORDER, balance, 100, REF)
    domain.remit(ORDER, balance, REF)
    with pytest.raises(ValueError, match="remitted"):
        domain.void(ORDER, balance, 100, REF)


def test_an_entry_that_does_not_balance_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="sum to zero"):
        Entry("charge", ORDER.area, {RECEIVABLE: 100, STORE_PAYABLE: -99})
