"""The round's rules, without a database: a state machine that hypothesis drives, and the judgement of a minimum."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.orders.rounds import domain
from services.orders.rounds.domain import ROUND, Times
from services.orders.rounds.tables import Round
from shared.ids import new_id
from shared.problems import Conflict, Invalid, TransitionNotAllowed

START = datetime(2020, 2, 17, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
SEND_AT = START + 24 * HOUR
RANK = {
    state: n for n, state in enumerate(("draft", "open", "late_entry", "closed", "confirmed", "arrived", "completed"))
}


def a_round(**fields: Any) -> Round:
    values: dict[str, Any] = {
        "id": new_id(),
        "area": "42.01.12.013.001",
        "number": 1,
        "code": "0017",
        "purchase_id": new_id(),
        "store_id": new_id(),
        "opens_at": START + HOUR,
        "cut_off_at": START + 5 * HOUR,
        "late_entry_until": START + 6 * HOUR,
        "created_by": new_id(),
        "created_at": START,
    }
    return Round(**values | fields)


class RoundLife(RuleBasedStateMachine):
    """Any verbs in any order at any time: what a round never does."""

    @initialize(
        rule_=st.sampled_from(["cancel", "extend", "send"]),
        minimum=st.integers(0, 5),
        minutes=st.sampled_from([0, 30, 600, 5000]),
    )
    def begin(self, rule_: str, minimum: int, minutes: int) -> None:
        self.round = a_round(minimum_rule=rule_, minimum_orders=minimum, extend_minutes=minutes)
        self.now = START
        self.told: list[str] = []
        self.states = ["draft"]
        self.orders = 0

    def _did(self, act: Any) -> None:
        before = self.round.version, self.round.state
        try:
            happened = act()
        except Conflict:
            assert (self.round.version, self.round.state) == before
            return
        if happened is None:
            assert (self.round.version, self.round.state) == before
            return
        assert self.round.version == before[0] + 1
        self.told.append(happened)
        self.states.append(self.round.state)

    @rule(minutes=st.integers(1, 400))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def somebody_orders(self) -> None:
        if self.round.state == "open" and self.now < self.round.cut_off_at:
            self.orders += 1

    @rule()
    def open(self) -> None:
        self._did(lambda: domain.open_(self.round, {"values": {}, "sources": []}, self.now))

    @rule()
    def cut_off(self) -> None:
        self._did(lambda: domain.cut_off(self.round, self.now))

    @rule()
    def extend(self) -> None:
        cut_off = self.round.cut_off_at + HOUR
        self._did(lambda: domain.extend(self.round, cut_off, max(cut_off, self.round.late_entry_until)))

    @rule(by_hand=st.booleans())
    def finish(self, by_hand: bool) -> None:
        if self.round.state not in domain.TAKING:
            self._did(lambda: domain.close(self.round, "time", None, self.now))
            return
        verdict = domain.judge(self.round, self.orders, SEND_AT, self.now, by_hand=by_hand)
        if verdict == "send":
            assert self.orders > 0
            self._did(lambda: domain.close(self.round, "time", None, self.now))
        elif verdict == "cancel":
            assert self.orders < max(1, self.round.minimum_orders)
            self._did(lambda: domain.cancel(self.round, "minimum_missed", self.now))
        else:
            by = timedelta(minutes=self.round.extend_minutes)
            assert not by_hand
            self._did(lambda: domain.extend(self.round, self.round.cut_off_at + by, self.round.late_entry_until + by))
            assert self.now < self.round.cut_off_at
            assert self.round.late_entry_until <= SEND_AT

    @rule()
    def cancel(self) -> None:
        self._did(lambda: domain.cancel(self.round, "mistake", self.now))

    @rule(action=st.sampled_from(["confirm", "arrive", "complete"]))
    def advance(self, action: Any) -> None:
        self._did(lambda: domain.advance(self.round, action, self.now))

    @invariant()
    def it_never_goes_backward(self) -> None:
        steps = list(zip(self.states, self.states[1:], strict=False))
        for before, after in steps:
            if after != "cancelled" and (before, after) != ("late_entry", "open"):
                assert RANK[after] >= RANK[before]
        if "closed" in self.states:
            later = self.states[self.states.index("closed") :]
            assert not {"open", "late_entry", "draft"} & set(later)

    @invariant()
    def it_is_extended_at_most_once(self) -> None:
        assert self.told.count("round.extended") <= 1
        assert self.round.extended == ("round.extended" in self.told)

    @invariant()
    def what_must_be_there_is_there(self) -> None:
        assert (self.round.state == "cancelled") == (self.round.reason is not None)
        assert self.round.opens_at < self.round.cut_off_at <= self.round.late_entry_until
        assert self.round.version == 1 + len(self.told)
        if self.round.state not in ("draft", "cancelled"):
            assert self.round.opened_at is not None

    @invariant()
    def each_happens_once_but_an_extended_cut_off(self) -> None:
        for happened in {*self.told} - {"round.cut_off"}:
            assert self.told.count(happened) == 1
        assert self.told.count("round.cut_off") <= 2


TestRoundLife = pytest.mark.feature("O2")(RoundLife.TestCase)


@pytest.mark.feature("O2")
@given(
    orders=st.integers(0, 9),
    minimum=st.integers(0, 9),
    rule_=st.sampled_from(["cancel", "extend", "send"]),
    minutes=st.sampled_from([0, 60, 3000]),
    extended=st.booleans(),
    by_hand=st.booleans(),
)
def test_judgement(orders: int, minimum: int, rule_: str, minutes: int, extended: bool, by_hand: bool) -> None:
    round = a_round(minimum_rule=rule_, minimum_orders=minimum, extend_minutes=minutes, extended=extended, state="open")
    verdict = domain.judge(round, orders, SEND_AT, round.cut_off_at, by_hand=by_hand)
    if orders >= max(1, minimum):
        assert verdict == "send"
    elif verdict == "send":
        assert rule_ == "send"
        assert orders > 0
    elif verdict == "extend":
        assert (rule_, extended, by_hand, minutes) == ("extend", False, False, 60)
    else:
        assert orders == 0 or rule_ != "send"


def test_an_open_round_cannot_be_reopened_and_a_closed_one_neither() -> None:
    round = a_round(state="closed")
    with pytest.raises(TransitionNotAllowed):
        domain.open_(round, {}, START)
    assert ROUND.allowed("closed") == ["cancel", "confirm"]


def test_opening_after_the_cut_off_is_refused() -> None:
    with pytest.raises(Conflict):
        domain.open_(a_round(), {}, START + 5 * HOUR)


def test_opening_early_moves_the_opening() -> None:
    round = a_round()
    domain.open_(round, {}, START)
    assert round.opens_at == START


@pytest.mark.parametrize(
    ("opens", "cut_off", "late", "pointer"),
    [
        (1, 1, 2, "/cut_off_at"),
        (-3, -1, 2, "/cut_off_at"),
        (1, 3, 2, "/late_entry_until"),
        (1, 2, 25, "/late_entry_until"),
    ],
)
def test_times(opens: int, cut_off: int, late: int, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        Times(START + opens * HOUR, START + cut_off * HOUR, START + late * HOUR).check(SEND_AT, START)
    assert refused.value.errors[0].pointer == pointer
