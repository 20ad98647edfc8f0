"""How a shortage is shared out: a rule that a resident can read.

Some of an item is missing. What there is goes out unit by unit, and every next unit goes to whoever stands first:

1. **Whoever went short last time gets its first unit before anybody else's.** Nobody goes without twice running while
   somebody who did not go short has one.
2. **Then all shelves are filled evenly, by weight.** The next unit goes to the household that would have the least per
   weight after getting it. With weight 1 for everybody, all get their first before anybody gets a second; a household
   of weight 2 (say, an elder living alone) has two by the time that one of weight 1 has one.
3. **Of those who stand equal, whoever went short last time goes first,** then whoever has missed more in the counted
   days. So households that ask alike and weigh alike never differ by more than one unit, over any number of days.
4. **Nobody gets more than they asked for.** What one does not want goes on to the next.
5. **Who still stands exactly equal draws lots**: a number made from the recorded seed and the household's id, so that
   anybody can draw again and get the same.

The weights and the number of days are the street's published policy.

Why the promised properties hold: each unit of each household has a rank that depends on that household alone, and the
``supply`` best ranks win. So the order of rows cannot matter; more supply never takes anything away; a higher weight or
deficit only makes ranks better, so it never lowers a share; and a unit stays over only when no rank is left.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from math import lcm
from typing import Any
from uuid import UUID

from shared.machine import Machine

ALLOCATION = Machine("allocation", {"proposed": {"apply": "applied"}})


@dataclass(frozen=True, slots=True)
class Claim:
    """One order line that wants ``requested`` units of the short item.

    ``weight`` ≥ 1. ``deficit``: units that its household missed in the counted days; ``cut_last``: whether it missed
    any the last time that something it had ordered was short.
    """

    line_id: UUID
    household_id: UUID
    requested: int
    weight: int
    deficit: int = 0
    cut_last: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """What one line gets, and why: see the facts of its claim."""

    claim: Claim
    allocated: int

    @property
    def short(self) -> int:
        return self.claim.requested - self.allocated

    def missing_claim(self) -> Claim:
        """The same line, claiming the units that it did not get."""
        return replace(self.claim, requested=self.short)


@dataclass(frozen=True, slots=True)
class Weights:
    """The published weights: by priority class (0 none … 3), what a sealed building adds, how many days count."""

    by_class: tuple[int, ...] = (1, 2, 3, 4)
    sealed_building: int = 1
    deficit_days: int = 30

    def __post_init__(self) -> None:
        """Raises ValueError for numbers out of bounds, or weights that fall where need rises."""
        if not self.by_class or self.by_class[0] < 1 or list(self.by_class) != sorted(self.by_class):
            raise ValueError("weights start at 1 or more and never fall as need rises")
        if self.by_class[-1] > 100 or not 0 <= self.sealed_building <= 100 or not 0 <= self.deficit_days <= 400:
            raise ValueError("weights go up to 100, days up to 400")

    def values(self) -> dict[str, Any]:
        """As a policy writes them."""
        return {
            "by_class": list(self.by_class),
            "sealed_building": self.sealed_building,
            "deficit_days": self.deficit_days,
        }

    def weigh(self, priority_class: int, sealed: bool) -> int:
        """The weight of a household; classes beyond the table count as its last."""
        weight = self.by_class[min(max(priority_class, 0), len(self.by_class) - 1)]
        return weight + self.sealed_building if sealed else weight


def seed_of(*parts: UUID | str) -> int:
    """The seed of a run, made from what it is about: 64 bits, recorded with it."""
    digest = blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


@dataclass(slots=True)
class _Household:
    lot: bytes
    requested: int
    weight: int
    deficit: int
    cut_last: bool
    got: int = 0


def share_out(claims: Sequence[Claim], supply: int, seed: int) -> list[Share]:
    """``supply`` units of one item among ``claims``; one Share per claim, in the order of line ids.

    Σ allocated = min(supply, Σ requested). A household's lines count together; its oldest line (the smallest id) is
    filled first. Raises ValueError for negative numbers or a weight below 1. O(n log n) in lines, whatever the
    quantities.
    """
    if supply < 0 or any(c.requested < 0 or c.weight < 1 or c.deficit < 0 for c in claims):
        raise ValueError("supply, requests and deficits are at least 0, weights at least 1")
    households = _households(claims, seed)
    left = _first_units(households.values(), supply)
    _fill_evenly([h for h in households.values() if h.got < h.requested], left)
    shares = []
    for claim in sorted(claims, key=lambda c: c.line_id):
        household = households[claim.household_id]
        allocated = min(claim.requested, household.got)
        household.got -= allocated
        shares.append(Share(claim, allocated))
    return shares


def _households(claims: Iterable[Claim], seed: int) -> dict[UUID, _Household]:
    found: dict[UUID, _Household] = {}
    for c in claims:
        if (household := found.get(c.household_id)) is None:
            lot = _lot(seed, c.household_id)
            found[c.household_id] = _Household(lot, c.requested, c.weight, c.deficit, c.cut_last)
        else:
            household.requested += c.requested
            household.weight = max(household.weight, c.weight)
            household.deficit = max(household.deficit, c.deficit)
            household.cut_last |= c.cut_last
    return found


def _lot(seed: int, household_id: UUID) -> bytes:
    """As likely smaller as greater than another household's; it ends with the id, so two are never equal."""
    key = seed.to_bytes(8, "big", signed=True)
    return blake2b(household_id.bytes, digest_size=16, key=key).digest() + household_id.bytes


def _first_units(households: Iterable[_Household], supply: int) -> int:
    """Gives one unit to each that was cut last time, the one that missed most first; returns what is left."""
    waiting = [h for h in households if h.cut_last and h.requested]
    if len(waiting) > supply:
        waiting = sorted(waiting, key=lambda h: (-h.deficit, -h.weight, h.lot))[:supply]
    for household in waiting:
        household.got = 1
    return supply - len(waiting)


def _fill_evenly(households: Sequence[_Household], supply: int) -> None:
    """Weighted max–min filling up to the requests; unit k of a household ranks at k ÷ weight.

    To stay in whole numbers levels are counted in steps of 1 ÷ ``scale``: find the highest level all of whose units
    are there, then choose who gets a unit of the next one.
    """
    scale = lcm(*(h.weight for h in households))
    wants = Counter((h.got, h.requested, h.weight) for h in households)

    def needed(level: int) -> int:
        return sum(many * (_at(level * w // scale, got, most) - got) for (got, most, w), many in wants.items())

    top = max((most for _, most, _ in wants), default=0) * scale
    level = top if needed(top) <= supply else _highest(needed, supply, top)
    rest = supply - needed(level)
    next_up = [h for h in households if _next_at(h, level, scale)]
    for h in households:
        h.got = _at(level * h.weight // scale, h.got, h.requested)
    for h in sorted(next_up, key=lambda h: (not h.cut_last, -h.deficit, h.lot))[:rest]:
        h.got += 1


def _at(units: int, got: int, requested: int) -> int:
    return min(max(units, got), requested)


def _next_at(h: _Household, level: int, scale: int) -> bool:
    """Whether the unit after ``level`` is one that the household wants and does not have yet."""
    unit = (level + 1) * h.weight // scale
    return unit > level * h.weight // scale and h.got < unit <= h.requested


def _highest(needed: Callable[[int], int], supply: int, above: int) -> int:
    """The highest level that needs at most ``supply``, if ``above`` needs more; level 0 needs nothing."""
    low, high = 0, above
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if needed(middle) <= supply else (low, middle)
    return low
