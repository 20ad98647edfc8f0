"""What the demo's clients wrote down themselves: every write that was accepted, never what they hoped for."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Ledger:
    """Ids are strings, as answers carry them; money in fen.

    ``orders``: order id → {household_id, round_id, purchase_id, lines: {item_id: qty}}. ``sms``: how often which text
    reached which telephone is read from the SMS adapter's file, not from here.
    """

    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)
    collected_fen: int = 0
    remitted_fen: int = 0
    refunded_fen: int = 0
    handed_over: Counter[str] = field(default_factory=Counter)
    sent_back: dict[str, str] = field(default_factory=dict)

    def accepted(self, order: dict[str, Any]) -> None:
        """An order that the API answered with 2xx."""
        self.orders[order["id"]] = {
            "household_id": order["household_id"],
            "round_id": order["round_id"],
            "purchase_id": order["purchase_id"],
            "lines": {line["item_id"]: line["requested"] for line in order["lines"]},
        }

    def sold(self) -> Counter[tuple[str, str]]:
        """(purchase, item) → units in accepted orders that were not cancelled."""
        units: Counter[tuple[str, str]] = Counter()
        for id, order in self.orders.items():
            if id not in self.cancelled:
                for item, qty in order["lines"].items():
                    units[order["purchase_id"], item] += qty
        return units
