"""Fair across days: a deficit is carried over (domain.md, "Shortage allocation")."""

from collections import Counter
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.allocation.domain import Claim, Share, share_out
from tests.unit.orders.allocation.claims import claim, claim_lists, household, missing, of_household, seeds, supplies

pytestmark = pytest.mark.feature("O8")


class Days:
    """A calendar of shortages that remembers what each household missed, as the table of deficits does."""

    def __init__(self, seed: int) -> None:
        self.seed, self.missed, self.cut_last = seed, Counter[UUID](), dict[UUID, bool]()

    def day(self, claims: list[Claim], supply: int) -> list[Share]:
        self.seed = (self.seed + 1) % 2**62
        shares = share_out([self._with_deficit(c) for c in claims], supply, self.seed)
        for house, units in missing(shares).items():
            self.missed[house] += units
            self.cut_last[house] = units > 0
        return shares

    def _with_deficit(self, c: Claim) -> Claim:
        return replace(c, deficit=self.missed[c.household_id], cut_last=self.cut_last.get(c.household_id, False))


@given(claim_lists(deficits=False), supplies, claim_lists(deficits=False), supplies, seeds)
def test_a_household_cut_yesterday_is_not_cut_first_today(
    yesterday: list[Claim], supply: int, today: list[Claim], left: int, seed: int
) -> None:
    """While it is short, nobody who went without a cut yesterday stands above it or level with its next unit."""
    days = Days(seed)
    days.day(yesterday, supply)
    cut_yesterday = {house for house, cut in days.cut_last.items() if cut}
    weights = {c.household_id: c.weight for c in today}
    got = of_household(shares := days.day(today, left))
    for house in {s.claim.household_id for s in shares if s.short} & cut_yesterday:
        for other in got.keys() - cut_yesterday:
            assert got[other] * weights[house] < (got[house] + 1) * weights[other]
            assert got[house] or not got[other]


@given(claim_lists(deficits=False, weighted=False), supplies, seeds, st.data())
def test_of_equal_weight_nobody_who_was_spared_gets_more_than_a_short_one_who_was_cut(
    claims: list[Claim], supply: int, seed: int, data: st.DataObject
) -> None:
    days = Days(seed)
    days.day(claims, supply)
    cut_yesterday = {house for house, cut in days.cut_last.items() if cut}
    got = of_household(shares := days.day(claims, data.draw(supplies)))
    for house in {s.claim.household_id for s in shares if s.short} & cut_yesterday:
        assert all(got[other] <= got[house] for other in got.keys() - cut_yesterday)


@given(st.lists(st.integers(1, 5), min_size=2, max_size=12), st.data(), seeds)
def test_nobody_goes_without_twice_running_while_another_never_does(
    weights: list[int], data: st.DataObject, seed: int
) -> None:
    """One unit wanted by each on both days, whatever the weights."""
    days, some = Days(seed), st.integers(0, len(weights))
    claims = [claim(n, n, 1, weight) for n, weight in enumerate(weights)]
    first, second = of_household(days.day(claims, data.draw(some))), of_household(days.day(claims, data.draw(some)))
    total = first + second
    assert not (min(total[house] for house in first) == 0 and max(total.values(), default=0) == 2)


@given(st.lists(st.integers(1, 5), min_size=2, max_size=8), st.integers(1, 3), seeds)
def test_everybody_gets_a_turn_within_the_days_that_it_takes(weights: list[int], supply: int, seed: int) -> None:
    """n households want one unit a day of ``supply``, whatever they weigh: nobody waits for two rounds of turns."""
    days, waiting = Days(seed), Counter[UUID]()
    claims = [claim(n, n, 1, weight) for n, weight in enumerate(weights)]
    for _ in range(20):
        for share in days.day(claims, supply):
            house = share.claim.household_id
            waiting[house] = 0 if share.allocated else waiting[house] + 1
        assert max(waiting.values()) < 2 * -(-len(weights) // supply)


@given(st.integers(2, 6), st.integers(1, 5), st.lists(st.integers(0, 30), min_size=1, max_size=20), seeds)
def test_households_that_ask_and_weigh_alike_never_drift_apart(
    households: int, requested: int, supplies: list[int], seed: int
) -> None:
    """Whatever comes on however many days, they never differ by more than one unit in all."""
    days, total = Days(seed), Counter[UUID]()
    for supply in supplies:
        for share in days.day([claim(n, n, requested) for n in range(households)], supply):
            total[share.claim.household_id] += share.allocated
        units = [total[household(n)] for n in range(households)]
        assert max(units) - min(units) <= 1


@given(st.integers(1, 4), seeds)
def test_whoever_is_new_is_not_left_waiting_behind_old_debts(requested: int, seed: int) -> None:
    """After a month of shortage, somebody who orders for the first time gets what the others get by the second day."""
    days = Days(seed)
    old = [claim(n, n, requested) for n in range(6)]
    for _ in range(30):
        days.day(old, 6 * requested - 3)
    got = Counter[UUID]()
    for _ in range(2):
        got.update(of_household(days.day([*old, claim(9, 9, requested)], 7 * requested - 3)))
    assert got[household(9)] >= 2 * requested - 2
