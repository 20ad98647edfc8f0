"""What is promised of the allocation rule on one day (domain.md, "Shortage allocation")."""

from collections import Counter
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.allocation.domain import Claim, share_out
from tests.unit.orders.allocation.claims import changed, claim_lists, household, of_household, seeds, supplies

pytestmark = pytest.mark.feature("O8")


@given(claim_lists(), supplies, seeds)
def test_nothing_is_left_while_a_line_is_short(claims: list[Claim], supply: int, seed: int) -> None:
    shares = share_out(claims, supply, seed)
    assert sum(s.allocated for s in shares) == min(supply, sum(c.requested for c in claims))


@given(claim_lists(), supplies, seeds)
def test_no_line_gets_more_than_it_asked_for(claims: list[Claim], supply: int, seed: int) -> None:
    shares = share_out(claims, supply, seed)
    assert {s.claim for s in shares} == set(claims)
    assert len(shares) == len(claims)
    assert all(type(s.allocated) is int and 0 <= s.allocated <= s.claim.requested for s in shares)


@given(claim_lists(), supplies, seeds, st.data())
def test_a_higher_priority_never_lowers_a_share(
    claims: list[Claim], supply: int, seed: int, data: st.DataObject
) -> None:
    before = of_household(share_out(claims, supply, seed))
    for claim in claims:
        raised = changed(claims, house := claim.household_id, weight=claim.weight + data.draw(st.integers(1, 5)))
        after = of_household(share_out(raised, supply, seed))
        assert after[house] >= before[house]
        assert all(after[other] <= before[other] for other in before if other != house)


@given(claim_lists(), supplies, seeds, st.data())
def test_having_missed_more_never_lowers_a_share(
    claims: list[Claim], supply: int, seed: int, data: st.DataObject
) -> None:
    before = of_household(share_out(claims, supply, seed))
    for claim in claims:
        deficit = claim.deficit + data.draw(st.integers(0, 5))
        owed = changed(claims, claim.household_id, deficit=deficit, cut_last=True)
        assert of_household(share_out(owed, supply, seed))[claim.household_id] >= before[claim.household_id]


@given(claim_lists(), supplies, seeds, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(claims: list[Claim], supply: int, seed: int, random: Any) -> None:
    shuffled = list(claims)
    random.shuffle(shuffled)
    assert share_out(shuffled, supply, seed) == share_out(claims, supply, seed)


@given(claim_lists(), supplies, seeds)
def test_the_same_inputs_give_the_same_result(claims: list[Claim], supply: int, seed: int) -> None:
    assert share_out(claims, supply, seed) == share_out(claims, supply, seed)


def test_another_seed_draws_other_lots() -> None:
    claims = [Claim(UUID(int=n), household(n), 1, 1) for n in range(20)]
    results = {tuple(s.allocated for s in share_out(claims, 10, seed)) for seed in range(5)}
    assert len(results) > 1


@given(claim_lists(), supplies, seeds)
def test_one_unit_more_takes_nothing_from_anybody(claims: list[Claim], supply: int, seed: int) -> None:
    less = of_household(share_out(claims, supply, seed))
    more = of_household(share_out(claims, supply + 1, seed))
    assert all(more[house] >= less[house] for house in less)


@given(claim_lists(), supplies, seeds)
def test_the_closed_form_is_the_rule_as_it_is_told(claims: list[Claim], supply: int, seed: int) -> None:
    """Unit by unit, as the docstring tells it; where that leaves two equal, either may have drawn the better lot."""
    result = of_household(share_out(claims, supply, seed))
    wants, facts = Counter[UUID](), {c.household_id: c for c in claims}
    for c in claims:
        wants[c.household_id] += c.requested
    ranks = sorted(
        (_rank(facts[house], unit), result[house] < unit)
        for house, want in wants.items()
        for unit in range(1, want + 1)
    )
    assert not any(lost for _, lost in ranks[:supply])
    assert all(lost for _, lost in ranks[supply:])


def _rank(c: Claim, unit: int) -> tuple[Any, ...]:
    if unit == 1 and c.cut_last:
        return (0, -c.deficit, -c.weight)
    return (1, Fraction(unit, c.weight), not c.cut_last, -c.deficit)


@given(claim_lists(deficits=False), supplies, seeds)
def test_weight_is_the_measure_among_those_who_missed_nothing(claims: list[Claim], supply: int, seed: int) -> None:
    """Nobody has more per weight than a short household would have with one unit more."""
    got = of_household(shares := share_out(claims, supply, seed))
    weights = {c.household_id: c.weight for c in claims}
    for house in {s.claim.household_id for s in shares if s.short}:
        assert all(Fraction(got[o], weights[o]) <= Fraction(got[house] + 1, weights[house]) for o in got)


@given(claim_lists(), supplies, seeds)
def test_asking_for_more_than_one_gets_brings_nothing(claims: list[Claim], supply: int, seed: int) -> None:
    before = of_household(shares := share_out(claims, supply, seed))
    for short in (s.claim for s in shares if s.short):
        more = Claim(
            short.line_id, short.household_id, short.requested + 50, short.weight, short.deficit, short.cut_last
        )
        grown = [more if c is short else c for c in claims]
        assert of_household(share_out(grown, supply, seed)) == before


@pytest.mark.parametrize("bad", [Claim(UUID(int=1), household(1), -1, 1), Claim(UUID(int=1), household(1), 1, 0)])
def test_numbers_that_make_no_sense_are_refused(bad: Claim) -> None:
    with pytest.raises(ValueError, match="at least"):
        share_out([bad], 1, 0)
