"""What the tests of the allocation rule are fed with."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from services.orders.allocation.domain import Claim, Share

seeds = st.integers(-(2**63), 2**63 - 1)
supplies = st.integers(0, 30)


def household(number: int) -> UUID:
    return UUID(int=1 << 100 | number)


def claim(line: int, house: int, requested: int, weight: int = 1) -> Claim:
    return Claim(UUID(int=line), household(house), requested, weight)


@st.composite
def claim_lists(draw: st.DrawFn, deficits: bool = True, weighted: bool = True) -> list[Claim]:
    """Lines of up to nine households, some with several lines; a household has one weight and one deficit."""
    facts = [
        (
            draw(st.integers(1, 3)) if weighted else 1,
            draw(st.integers(0, 2)) if deficits else 0,
            deficits and draw(st.booleans()),
        )
        for _ in range(9)
    ]
    lines = draw(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 4)), max_size=12))
    return [
        Claim(UUID(int=n), household(house), requested, *facts[house]) for n, (house, requested) in enumerate(lines)
    ]


def of_household(shares: Iterable[Share]) -> Counter[UUID]:
    """Units per household."""
    return _sum((s.claim.household_id, s.allocated) for s in shares)


def missing(shares: Iterable[Share]) -> Counter[UUID]:
    """Units per household that it asked for and did not get."""
    return _sum((s.claim.household_id, s.short) for s in shares)


def _sum(pairs: Iterable[tuple[UUID, int]]) -> Counter[UUID]:
    units: Counter[UUID] = Counter()
    for house, number in pairs:
        units[house] += number
    return units


def changed(claims: Iterable[Claim], house: UUID, **fields: Any) -> list[Claim]:
    return [replace(c, **fields) if c.household_id == house else c for c in claims]
