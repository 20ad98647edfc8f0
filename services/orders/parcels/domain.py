"""Bags on their way from the truck to the household.

    expected → received → packed → at_gate → collected_at_gate | returned(reason)

An order of which nothing arrived has no bag: ``expected → returned(nothing_received)``. The door has states of its own
(out, delivered, failed), which dispatch's drops move.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from shared.machine import Machine

PARCEL = Machine(
    "parcel",
    {
        "expected": {"receive": "received", "miss": "returned"},
        "received": {"pack": "packed"},
        "packed": {"stage": "at_gate", "send_back": "returned"},
        "at_gate": {"hand_over": "collected_at_gate", "send_back": "returned"},
        "collected_at_gate": {},
        "returned": {},
    },
)

ReturnReason = Literal["not_collected", "poor_quality", "damaged_in_handling", "recalled"]
LIABLE: Mapping[str, str] = {
    "not_collected": "community",
    "poor_quality": "store",
    "damaged_in_handling": "community",
    "recalled": "store",
}
"""Who pays when a whole bag comes back, by its reason."""

CALL_SIZE = 5
"""Numbers called at once (Wuchang, February 2020: five at a time, two metres apart)."""


class NotEnough(ValueError):
    """The lots at hand do not hold what is to be packed."""


@dataclass
class LotStock:
    """Units of one lot of an item that came with one receipt, are usable and in no bag yet; ``taken`` by this bag."""

    receipt_id: UUID
    lot_id: UUID
    item_id: UUID
    left: int
    taken: int = 0


def take_from_lots(
    stock: Sequence[LotStock], item_id: UUID, qty: int, lot_id: UUID | None = None
) -> list[tuple[UUID, int]]:
    """Takes ``qty`` units of an item (of one named lot) in the order given: [(lot, qty)], each lot once.

    Raises NotEnough, and takes nothing, when there is less.
    """
    of_item = [lot for lot in stock if lot.item_id == item_id and lot_id in (None, lot.lot_id)]
    if sum(lot.left for lot in of_item) < qty:
        raise NotEnough
    taken: dict[UUID, int] = {}
    for lot in of_item:
        part = min(lot.left, qty)
        if part:
            lot.left, lot.taken, qty = lot.left - part, lot.taken + part, qty - part
            taken[lot.lot_id] = taken.get(lot.lot_id, 0) + part
    return list(taken.items())


@dataclass(frozen=True)
class LineEnd:
    """How far a line is. Units; ``moved``: requested by lines that substitute for it."""

    requested: int
    handed_over: int
    refunded: int
    moved: int

    @property
    def is_final(self) -> bool:
        """Whether every unit is handed over, refunded, or moved to another line."""
        return self.handed_over + self.refunded + self.moved >= self.requested


def is_fulfilled(lines: Iterable[LineEnd]) -> bool:
    """Whether an order is at its end."""
    return all(line.is_final for line in lines)
