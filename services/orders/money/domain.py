"""Money of a group buy, in whole fen and double entry.

Five accounts; a journal's postings sum to zero; a positive posting is a debit.

- ``receivable``: what households still owe (negative: what they are in credit)
- ``held``: what building heads and workers have collected and the community holds
- ``unmatched``: collected, but not known for which order
- ``store_payable``: what the store is owed for what was ordered
- ``refund_payable``: what is owed back to households

So at every moment: Σ collected = Σ remitted + Σ refunded + Σ held. A charge taken back beyond what the household
still owes becomes a refund that is due.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from shared.machine import Machine

RECEIVABLE, HELD, UNMATCHED = "receivable", "held", "unmatched"
STORE_PAYABLE, REFUND_PAYABLE = "store_payable", "refund_payable"

Kind = Literal["charge", "discharge", "collection", "void", "match", "refund_due", "refund", "remittance"]
Liable = Literal["store", "community", "street"]

PAYMENT = Machine(
    "payment",
    {
        "unmatched": {"match": "matched", "void": "voided"},
        "collected": {"void": "voided"},
        "matched": {"void": "voided"},
        "voided": {},
    },
)
REFUND = Machine("refund", {"due": {"approve": "approved"}, "approved": {"pay": "paid"}, "paid": {}})


@dataclass(frozen=True)
class Entry:
    """One journal: ``postings`` maps account → fen. Raises ValueError unless they sum to zero and none is zero."""

    kind: Kind
    area: str
    postings: Mapping[str, int]
    order_id: UUID | None = None
    purchase_id: UUID | None = None
    ref_id: UUID | None = None

    def __post_init__(self) -> None:
        if sum(self.postings.values()) or 0 in self.postings.values():
            raise ValueError(f"{self.kind}: postings must sum to zero, each other than zero: {dict(self.postings)}")


@dataclass
class Balance:
    """An order's counters in fen. ``owed``: its charge as it stands now; ``refund_due``: owed back and not paid yet."""

    owed: int = 0
    collected: int = 0
    remitted: int = 0
    refund_due: int = 0
    refunded: int = 0

    @property
    def outstanding(self) -> int:
        """What the household still has to pay."""
        return max(0, self.owed - self.collected + self.refund_due + self.refunded)

    @property
    def credit(self) -> int:
        """What the household has paid beyond its charge and nobody has promised back yet."""
        return max(0, self.collected - self.owed - self.refund_due - self.refunded)

    @property
    def remittable(self) -> int:
        """What the store may get for this order now: paid, kept, and not sent yet."""
        return max(0, min(self.owed, self.collected - self.refund_due - self.refunded) - self.remitted)


@dataclass(frozen=True)
class Order:
    """What the ledger must know of an order."""

    id: UUID
    area: str
    purchase_id: UUID


def _entry(kind: Kind, order: Order, debit: str, credit: str, fen: int, ref_id: UUID | None = None) -> Entry:
    return Entry(kind, order.area, {debit: fen, credit: -fen}, order.id, order.purchase_id, ref_id)


def charge(order: Order, balance: Balance, fen: int) -> list[Entry]:
    """The household owes ``fen`` (> 0) more."""
    balance.owed += fen
    return [_entry("charge", order, RECEIVABLE, STORE_PAYABLE, fen)]


def discharge(order: Order, balance: Balance, fen: int) -> tuple[list[Entry], int]:
    """Takes ``fen`` (> 0) of the charge back; also how much of it is now a refund that is due.

    Raises ValueError for more than the charge.
    """
    if fen > balance.owed:
        raise ValueError("more than the charge cannot be taken back")
    balance.owed -= fen
    entries = [_entry("discharge", order, STORE_PAYABLE, RECEIVABLE, fen)]
    if due := balance.credit:
        balance.refund_due += due
        entries.append(_entry("refund_due", order, RECEIVABLE, REFUND_PAYABLE, due))
    return entries, due


def collect(order: Order, balance: Balance, fen: int, payment_id: UUID) -> list[Entry]:
    """The household has paid ``fen`` to somebody who holds it."""
    balance.collected += fen
    return [_entry("collection", order, HELD, RECEIVABLE, fen, payment_id)]


def collect_unmatched(area: str, fen: int, payment_id: UUID) -> Entry:
    """Money came in, and nobody knows yet for which order."""
    return Entry("collection", area, {HELD: fen, UNMATCHED: -fen}, ref_id=payment_id)


def match(order: Order, balance: Balance, fen: int, payment_id: UUID) -> list[Entry]:
    """A transfer is found to be this order's."""
    balance.collected += fen
    return [_entry("match", order, UNMATCHED, RECEIVABLE, fen, payment_id)]


def void(order: Order, balance: Balance, fen: int, payment_id: UUID) -> list[Entry]:
    """A collection was a mistake. Raises ValueError when the money has gone on already."""
    if fen > balance.collected - balance.remitted - balance.refunded - balance.refund_due:
        raise ValueError("the money has been remitted or refunded")
    balance.collected -= fen
    return [_entry("void", order, RECEIVABLE, HELD, fen, payment_id)]


def void_unmatched(area: str, fen: int, payment_id: UUID) -> Entry:
    return Entry("void", area, {UNMATCHED: fen, HELD: -fen}, ref_id=payment_id)


def pay_refund(order: Order, balance: Balance, fen: int, refund_id: UUID) -> list[Entry]:
    """A refund that was due has been given to the household."""
    balance.refund_due -= fen
    balance.refunded += fen
    return [_entry("refund", order, REFUND_PAYABLE, HELD, fen, refund_id)]


def remit(order: Order, balance: Balance, remittance_id: UUID) -> list[Entry]:
    """The store gets what this order can give now; nothing when that is zero."""
    if not (fen := balance.remittable):
        return []
    balance.remitted += fen
    return [_entry("remittance", order, STORE_PAYABLE, HELD, fen, remittance_id)]


def totals(entries: Iterable[Entry]) -> dict[str, int]:
    """Balances of all accounts after ``entries``."""
    sums: dict[str, int] = {}
    for entry in entries:
        for account, fen in entry.postings.items():
            sums[account] = sums.get(account, 0) + fen
    return sums
