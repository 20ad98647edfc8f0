"""What becomes of the units that a line did not get: what its household chose, on what is left after the sharing.

- ``swap``: units of the item it named, if that costs no more and is left: the store confirmed all that was ordered of
  it, and had said that it could deliver more. The rest is refunded. When several want the same item, it is shared out
  by the rule of ``domain``.
- ``refund``: the charge for them is taken back.
- ``call``: somebody calls; until then nothing is taken back.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from services.orders.allocation.domain import Claim, seed_of, share_out


@dataclass(frozen=True)
class Missing:
    """Units of a line that were asked for and will not come. ``claim.requested`` is their number, ≥ 1.

    ``ordered_for``: the household as the order names it, under which its rations are counted.
    """

    claim: Claim
    order_id: UUID
    round_id: UUID
    ordered_for: UUID
    unit_price_fen: int
    substitution: str
    swap_item_id: UUID | None


@dataclass(frozen=True)
class Spare:
    """Units of an item that nobody has bought. ``ration``: most units per household and round."""

    item_id: UUID
    units: int
    price_fen: int
    ration: int | None


@dataclass(frozen=True)
class Settlement:
    """``swapped + refunded + to_call`` = the missing units. ``swap_price_fen`` and item when any are swapped."""

    missing: Missing
    swapped: int
    refunded: int
    to_call: int
    swap_price_fen: int = 0

    @property
    def reduction_fen(self) -> int:
        """By how much the household's charge falls; never negative."""
        settled = self.swapped + self.refunded
        return settled * self.missing.unit_price_fen - self.swapped * self.swap_price_fen


Used = Mapping[tuple[UUID, UUID, UUID], int]
"""(round, household, item) → units of a rationed item that the household has ordered in the round."""


def settle(missing: Sequence[Missing], spares: Iterable[Spare], used: Used, seed: int) -> list[Settlement]:
    """One Settlement per line, in the order given."""
    by_item = {spare.item_id: spare for spare in spares}
    swapped = _swaps(missing, by_item, used, seed)
    return [_settlement(m, swapped.get(m.claim.line_id, 0), by_item) for m in missing]


def may_swap(spare: Spare | None, unit_price_fen: int) -> bool:
    """Whether anything is left that costs no more."""
    return spare is not None and spare.units > 0 and spare.price_fen <= unit_price_fen


def _swaps(missing: Sequence[Missing], spares: Mapping[UUID, Spare], used: Used, seed: int) -> dict[UUID, int]:
    wanted: dict[UUID, list[Missing]] = defaultdict(list)
    for m in missing:
        if m.substitution == "swap" and m.swap_item_id and may_swap(spares.get(m.swap_item_id), m.unit_price_fen):
            wanted[m.swap_item_id].append(m)
    given: dict[UUID, int] = {}
    for item_id, lines in wanted.items():
        spare = spares[item_id]
        claims = _within_ration(lines, spare, used)
        shares = share_out(claims, spare.units, seed_of("swap", str(seed), item_id))
        given |= {share.claim.line_id: share.allocated for share in shares}
    return given


def _within_ration(lines: Sequence[Missing], spare: Spare, used: Used) -> list[Claim]:
    """The claims, none above what is left of its household's ration; older lines first."""
    if spare.ration is None:
        return [m.claim for m in lines]
    claims = []
    taken: dict[tuple[UUID, UUID, UUID], int] = dict(used)
    for m in sorted(lines, key=lambda m: m.claim.line_id):
        key = (m.round_id, m.ordered_for, spare.item_id)
        units = max(0, min(m.claim.requested, spare.ration - taken.get(key, 0)))
        taken[key] = taken.get(key, 0) + units
        claims.append(replace(m.claim, requested=units))
    return claims


def _settlement(m: Missing, swapped: int, spares: Mapping[UUID, Spare]) -> Settlement:
    rest = m.claim.requested - swapped
    price = spares[m.swap_item_id].price_fen if swapped and m.swap_item_id else 0
    if m.substitution == "call":
        return Settlement(m, 0, 0, rest)
    return Settlement(m, swapped, rest, 0, price)
