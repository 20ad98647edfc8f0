"""Writes journals and counters together, for one order or for thousands, in the caller's transaction.

The counters of ``order_money`` are locked in id order, so that two writers of many orders cannot wait for each other.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.money.domain import Balance, Entry, Order, charge, discharge
from services.orders.money.messages import refund_event
from services.orders.money.tables import Refund
from shared.bus.outbox import record_many
from shared.contracts import orders as contracts
from shared.database import insert_rows, transaction_time
from shared.ids import new_id


@dataclass(frozen=True)
class Reduction:
    """A part of an order's charge that is taken back: ``amount_fen`` > 0, who pays it, and why."""

    order_id: UUID
    amount_fen: int
    liable: str
    reason: str
    line_id: UUID | None = None
    refund_id: UUID | None = None


@dataclass
class Account:
    """An order with its balance, under lock."""

    order: Order
    household_id: UUID
    balance: Balance


_LOCK = text(
    "SELECT o.id, o.area, o.purchase_id, o.household_id, m.owed_fen, m.collected_fen, m.remitted_fen,"
    " m.refund_due_fen, m.refunded_fen FROM order_money m JOIN orders o ON o.id = m.order_id"
    " WHERE m.order_id = ANY(:ids) ORDER BY m.order_id FOR UPDATE OF m"
)
_WRITE = text(
    "UPDATE order_money m SET owed_fen = n.owed, collected_fen = n.collected, remitted_fen = n.remitted,"
    " refund_due_fen = n.due, refunded_fen = n.refunded FROM unnest(CAST(:ids AS uuid[]), CAST(:owed AS bigint[]),"
    " CAST(:collected AS bigint[]), CAST(:remitted AS bigint[]), CAST(:due AS bigint[]), CAST(:refunded AS bigint[]))"
    " AS n(id, owed, collected, remitted, due, refunded) WHERE m.order_id = n.id"
)
_JOURNALS = text(
    "INSERT INTO journals (id, kind, area, order_id, purchase_id, ref_id, recorded_by)"
    " SELECT *, CAST(:by AS uuid) FROM unnest(CAST(:ids AS uuid[]), CAST(:kinds AS text[]), CAST(:areas AS text[]),"
    " CAST(:orders AS uuid[]), CAST(:purchases AS uuid[]), CAST(:refs AS uuid[]))"
)
_POSTINGS = text(
    "INSERT INTO postings (id, journal_id, account, amount_fen) SELECT * FROM unnest(CAST(:ids AS uuid[]),"
    " CAST(:journals AS uuid[]), CAST(:accounts AS text[]), CAST(:amounts AS bigint[]))"
)


async def accounts(db: AsyncSession, order_ids: Iterable[UUID]) -> dict[UUID, Account]:
    """The balances of these orders, locked until the transaction ends."""
    rows = (await db.execute(_LOCK, {"ids": sorted(set(order_ids))})).all()
    return {
        r.id: Account(
            Order(r.id, r.area, r.purchase_id),
            r.household_id,
            Balance(r.owed_fen, r.collected_fen, r.remitted_fen, r.refund_due_fen, r.refunded_fen),
        )
        for r in rows
    }


async def write(db: AsyncSession, changed: Iterable[Account], entries: Sequence[Entry], by: UUID | None = None) -> None:
    """Stores the balances and appends the journals that explain them."""
    rows = list(changed)
    if rows:
        await db.execute(_WRITE, _columns(rows))
    await post(db, entries, by)


def _columns(rows: Sequence[Account]) -> dict[str, Any]:
    balances = [row.balance for row in rows]
    return {
        "ids": [row.order.id for row in rows],
        "owed": [b.owed for b in balances],
        "collected": [b.collected for b in balances],
        "remitted": [b.remitted for b in balances],
        "due": [b.refund_due for b in balances],
        "refunded": [b.refunded for b in balances],
    }


async def post(db: AsyncSession, entries: Sequence[Entry], by: UUID | None = None) -> None:
    """Appends journals; nothing ever changes or deletes one."""
    if not entries:
        return
    ids = [new_id() for _ in entries]
    journals = {
        "ids": ids,
        "kinds": [e.kind for e in entries],
        "areas": [e.area for e in entries],
        "orders": [e.order_id for e in entries],
        "purchases": [e.purchase_id for e in entries],
        "refs": [e.ref_id for e in entries],
        "by": by,
    }
    await db.execute(_JOURNALS, journals)
    lines = [(id, account, fen) for id, e in zip(ids, entries, strict=True) for account, fen in e.postings.items()]
    postings = {
        "ids": [new_id() for _ in lines],
        "journals": [line[0] for line in lines],
        "accounts": [line[1] for line in lines],
        "amounts": [line[2] for line in lines],
    }
    await db.execute(_POSTINGS, postings)


async def add_charge(db: AsyncSession, order_id: UUID, fen: int, by: UUID | None = None) -> None:
    """An order became dearer by ``fen`` (> 0): an amendment, or a swap."""
    account = (await accounts(db, [order_id]))[order_id]
    await write(db, [account], charge(account.order, account.balance, fen), by)


async def reduce_charges(db: AsyncSession, reductions: Sequence[Reduction], by: UUID | None = None) -> list[Refund]:
    """Takes parts of charges back; what was paid already becomes refunds that are due, with their events."""
    if not reductions:
        return []
    found = await accounts(db, (r.order_id for r in reductions))
    entries: list[Entry] = []
    refunds: list[Refund] = []
    for reduction in reductions:
        account = found[reduction.order_id]
        more, due = discharge(account.order, account.balance, reduction.amount_fen)
        entries += more
        if due:
            refunds.append(_refund(account, reduction, due, db))
    await write(db, found.values(), entries, by)
    await insert_rows(db, Refund, [refund.model_dump() for refund in refunds])
    await record_many(db, contracts.PAYMENT, "refund.created", [refund_event(refund) for refund in refunds])
    return refunds


def _refund(account: Account, reduction: Reduction, due: int, db: AsyncSession) -> Refund:
    return Refund(
        id=reduction.refund_id or new_id(),
        version=1,
        area=account.order.area,
        order_id=account.order.id,
        household_id=account.household_id,
        line_id=reduction.line_id,
        amount_fen=due,
        liable=reduction.liable,
        reason=reduction.reason,
        state="due",
        created_at=transaction_time(db),
    )


async def change(
    db: AsyncSession, order_id: UUID, act: Callable[[Order, Balance], list[Entry]], by: UUID | None
) -> Account:
    """Locks one order's balance, lets ``act`` change it, and writes both sides."""
    account = (await accounts(db, [order_id]))[order_id]
    await write(db, [account], act(account.order, account.balance), by)
    return account
