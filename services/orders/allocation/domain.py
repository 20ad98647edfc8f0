"""How a shortage is shared out: a rule that a resident can read.

Some of an item is missing. What there is goes out unit by unit, and every next unit goes to whoever stands first:

1. **Who went short last time comes first.** A household that was cut brings a deficit with it: as many units as it
   missed, at most ``cap``. While anybody is still owed a unit, the next one goes to the household that is owed the
   most. Of two that are owed the same, whoever has carried more for longer goes first, then the one with more weight.
2. **Then everybody's shelf is filled evenly, by weight.** The next unit goes to the household that would have the
   least per weight after getting it: with weight 1 for everybody, all get their first before anybody gets a second;
   a household of weight 2 (say, an elder living alone) has two by the time that one of weight 1 has one.
3. **Nobody gets more than they asked for.** What one does not want goes on to the next.
4. **Who stands exactly equal draws lots**: a number made from the recorded seed and the household's id, so that
   anybody can draw again and get the same.

The weights are the street's published policy. Deficits are counted afterwards (``carried``): whoever got everything of
what was short has had its turn and starts from nothing; whoever was cut keeps what it is still owed, plus what it
missed today.

Why the promised properties hold: each unit of each household has a rank that depends on that household alone, and the
``supply`` best ranks win. So the order of rows cannot matter; more supply never takes anything away; a higher weight
or deficit only makes ranks better, so it never lowers a share; and a unit stays over only when no rank is left.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import lcm
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Claim:
    """One order line that wants ``requested`` units of the short item. ``weight`` ≥ 1; ``deficit`` ≥ 0 units."""

    line_id: UUID
    household_id: UUID
    requested: int
    weight: int
    deficit: int


@dataclass(frozen=True, slots=True)
class Share:
    """What one line gets, with the facts that made it so."""

    line_id: UUID
    household_id: UUID
    requested: int
    weight: int
    deficit: int
    allocated: int

    @property
    def short(self) -> int:
        return self.requested - self.allocated


@dataclass(frozen=True, slots=True)
class Weights:
    """The published weights: by priority class (0 none … 3), added for a sealed building, and the cap on deficits."""

    by_class: tuple[int, ...] = (1, 2, 3, 4)
    sealed: int = 1
    cap: int = 3

    @classmethod
    def of_policy(cls, values: Mapping[str, Any]) -> "Weights":
        """From the values of a ``shortage.weights`` policy; what it does not say stays as it is by default.

        Raises ValueError for weights that are not whole numbers from 1 to 100, or that fall where need rises.
        """
        made = cls(
            by_class=tuple(values.get("by_class", cls.by_class)),
            sealed=values.get("sealed_building", cls.sealed),
            cap=values.get("deficit_cap", cls.cap),
        )
        numbers = (*made.by_class, made.sealed, made.cap)
        if any(type(number) is not int or not 0 <= number <= 100 for number in numbers):
            raise ValueError("weights are whole numbers up to 100")
        if not made.by_class or made.by_class[0] < 1 or list(made.by_class) != sorted(made.by_class):
            raise ValueError("weights start at 1 or more and never fall as need rises")
        if made.cap < 1:
            raise ValueError("a deficit counts for at least one unit")
        return made

    def values(self) -> dict[str, Any]:
        """As a policy writes them."""
        return {"by_class": list(self.by_class), "sealed_building": self.sealed, "deficit_cap": self.cap}

    def weigh(self, priority_class: int, sealed: bool) -> int:
        """The weight of a household; classes beyond the table count as its last."""
        return self.by_class[min(max(priority_class, 0), len(self.by_class) - 1)] + (self.sealed if sealed else 0)


@dataclass(slots=True)
class _Household:
    id: UUID
    lot: bytes
    requested: int
    weight: int
    deficit: int
    got: int = 0


def share_out(claims: Sequence[Claim], supply: int, seed: int, cap: int) -> list[Share]:
    """``supply`` units of one item among ``claims``; one Share per claim, in the order of line ids.

    Units are whole; Σ allocated = min(supply, Σ requested). A household's lines count together; its oldest line (the
    smallest id) is filled first. O(n log n) in lines, whatever the quantities.
    """
    if supply < 0 or any(c.requested < 0 or c.weight < 1 or c.deficit < 0 for c in claims):
        raise ValueError("supply, requests and deficits are at least 0, weights at least 1")
    households = _households(claims, seed)
    left = _settle_deficits(households.values(), supply, cap)
    _fill_evenly([h for h in households.values() if h.got < h.requested], left)
    shares = []
    for claim in sorted(claims, key=lambda c: c.line_id):
        household = households[claim.household_id]
        allocated = min(claim.requested, household.got)
        household.got -= allocated
        shares.append(
            Share(claim.line_id, claim.household_id, claim.requested, household.weight, household.deficit, allocated)
        )
    return shares


def carried(deficit: int, got: int, short: int, cap: int) -> int:
    """The deficit that a household takes along: ``got`` and ``short`` are its units of all short items of a purchase."""
    return max(0, deficit - got) + min(short, cap) if short else 0


def _households(claims: Iterable[Claim], seed: int) -> dict[UUID, _Household]:
    found: dict[UUID, _Household] = {}
    for claim in claims:
        if (household := found.get(claim.household_id)) is None:
            lot = _lot(seed, claim.household_id)
            found[claim.household_id] = _Household(
                claim.household_id, lot, claim.requested, claim.weight, claim.deficit
            )
        else:
            household.requested += claim.requested
            household.weight = max(household.weight, claim.weight)
            household.deficit = max(household.deficit, claim.deficit)
    return found


def _lot(seed: int, household_id: UUID) -> bytes:
    """Sixteen bytes, equally likely to be smaller or greater than another household's; then the id, so never equal."""
    return blake2b(household_id.bytes, digest_size=16, key=seed.to_bytes(8, "big", signed=True)).digest() + household_id.bytes


def _settle_deficits(households: Iterable[_Household], supply: int, cap: int) -> int:
    """Gives out what is owed, the largest remaining debt first; returns what is left."""
    ranks = [
        (-owed, -h.deficit, -h.weight, h.lot, h)
        for h in households
        for owed in range(min(h.deficit, cap), max(0, min(h.deficit, cap) - h.requested), -1)
    ]
    if len(ranks) > supply:
        ranks.sort(key=lambda rank: rank[:4])
        del ranks[supply:]
    for *_, household in ranks:
        household.got += 1
    return supply - len(ranks)


def _fill_evenly(households: Sequence[_Household], supply: int) -> None:
    """Weighted max–min filling up to the requests.

    Unit k of a household ranks at k ÷ weight. To stay in whole numbers levels are counted in steps of 1 ÷ ``scale``:
    find the highest level whose units all fit, then draw for the units of the next level.
    """
    scale = lcm(*(h.weight for h in households))
    wants = Counter((h.requested - h.got, h.weight) for h in households)

    def needed(level: int) -> int:
        return sum(count * min(want, level * weight // scale) for (want, weight), count in wants.items())

    full = max((want for want, _ in wants), default=0) * scale
    level = full if needed(full) <= supply else _highest(needed, supply, full)
    rest = supply - needed(level)
    equals = []
    for h in households:
        want, here = h.requested - h.got, level * h.weight // scale
        if here < want and (level + 1) * h.weight // scale > here:
            equals.append(h)
        h.got += min(want, here)
    for h in sorted(equals, key=lambda h: (-h.deficit, h.lot))[:rest]:
        h.got += 1


def _highest(needed: Callable[[int], int], supply: int, above: int) -> int:
    """The highest level below ``above`` (which needs too much) that needs at most ``supply``; 0 needs nothing."""
    low, high = 0, above
    while high - low > 1:
        middle = (low + high) // 2
        if needed(middle) <= supply:
            low = middle
        else:
            high = middle
    return low
