"""Count what the truck brought, and complete the receipt."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders.purchasing.domain import PURCHASE
from services.orders.purchasing.messages import purchase_event
from services.orders.purchasing.queries import items_of
from services.orders.purchasing.tables import Purchase
from services.orders.receiving import domain
from services.orders.receiving.domain import Counted, Expected
from services.orders.receiving.messages import lot_event, receipt_event
from services.orders.receiving.queries import expected_at, is_being_shared_out, lines_of
from services.orders.receiving.schemas import (
    GoodsReceiptCreate,
    GoodsReceiptLines,
    GoodsReceiptUpdate,
    ReceiptLineIn,
)
from services.orders.receiving.tables import GoodsReceipt, GoodsReceiptLine, Lot
from shared.answers import same_or_conflict
from shared.areas import covers
from shared.auth import Principal
from shared.bus.outbox import record
from shared.contracts import orders as contracts
from shared.database import fetched, insert_rows, locked, transaction_time, unknown_reference
from shared.ids import new_id
from shared.problems import Conflict, NotFound, TransitionNotAllowed, invalid
from shared.timers import schedule
from shared.web import must_match

SETTLE = "receipts.settle"


async def create_receipt(db: AsyncSession, who: Principal, body: GoodsReceiptCreate) -> GoodsReceipt:
    """A draft: the truck is at the gate. Raises Conflict (duplicate) where another receipt covers the same place."""
    who.must("goods_receipts.create", on=body.area)
    if body.id and (there := await db.get(GoodsReceipt, body.id)):
        return same_or_conflict(there, body.model_dump(include={"purchase_id", "area"}))
    purchase = await _purchase(db, body.purchase_id)
    await _must_fit(db, purchase, body.area)
    receipt = GoodsReceipt(
        id=body.id or new_id(),
        purchase_id=purchase.id,
        area=body.area,
        note=body.note,
        arrived_at=body.arrived_at,
        created_by=who.id,
        created_at=transaction_time(db),
    )
    db.add(receipt)
    await db.flush()
    await _count(db, purchase, receipt, body.lines)
    record(db, contracts.RECORD, "goods_receipt.created", receipt_event(receipt))
    return receipt


async def _purchase(db: AsyncSession, purchase_id: UUID) -> Purchase:
    try:
        purchase = await locked(db, Purchase, purchase_id)
    except NotFound:
        raise unknown_reference(purchase_id, "/purchase_id") from None
    await _must_await_goods(db, purchase)
    return purchase


async def _must_await_goods(db: AsyncSession, purchase: Purchase) -> None:
    if purchase.state not in ("confirmed", "receiving"):
        raise TransitionNotAllowed("purchase", purchase.state, "receive", PURCHASE.allowed(purchase.state))
    if await is_being_shared_out(db, purchase.id):
        raise Conflict(
            ("正在分配, 请稍候重试。", "What was confirmed is being shared out; repeat this in a second."),
            code="in_progress",
            headers={"Retry-After": "1"},
        )


async def _must_fit(db: AsyncSession, purchase: Purchase, area: str) -> None:
    if not any(covers(area, community) for community in purchase.areas):
        raise invalid(
            "/area",
            "not_in_purchase",
            "须为采购单内的社区, 或包含这些社区的区域。",
            "It must be a community of the purchase, or a place that covers some of them.",
        )
    areas = (
        await db.execute(select(col(GoodsReceipt.area)).where(col(GoodsReceipt.purchase_id) == purchase.id))
    ).scalars()
    if domain.overlaps(area, areas):
        raise Conflict(
            ("该区域已有收货单。", "Another receipt of the purchase covers this place; count there."), code="duplicate"
        )


async def update_receipt(
    db: AsyncSession, who: Principal, receipt_id: UUID, body: GoodsReceiptUpdate, version: int
) -> GoodsReceipt:
    """Changes what is written on it."""
    receipt = await locked(db, GoodsReceipt, receipt_id)
    who.must("goods_receipts.update", on=receipt.area)
    changes = {k: v for k, v in body.model_dump(exclude_unset=True).items() if getattr(receipt, k) != v}
    if not changes:
        return receipt
    must_match(receipt.version, version)
    for name, value in changes.items():
        setattr(receipt, name, value)
    return _changed(db, receipt, "goods_receipt.updated")


async def replace_lines(
    db: AsyncSession, who: Principal, receipt_id: UUID, body: GoodsReceiptLines, version: int
) -> GoodsReceipt:
    """Counts anew. Raises TransitionNotAllowed once it is completed."""
    purchase, receipt = await _held(db, receipt_id)
    who.must("goods_receipts.update", on=receipt.area)
    if receipt.state != "draft":
        raise TransitionNotAllowed("goods_receipt", receipt.state, "update", [])
    if sorted(_key(x) for x in _counted(purchase, body.lines)) == sorted(_key(x) for x in await _lines(db, receipt)):
        return receipt
    must_match(receipt.version, version)
    await db.execute(delete(GoodsReceiptLine).where(col(GoodsReceiptLine.receipt_id) == receipt.id))
    await _count(db, purchase, receipt, body.lines)
    return _changed(db, receipt, "goods_receipt.updated")


async def _held(db: AsyncSession, receipt_id: UUID) -> tuple[Purchase, GoodsReceipt]:
    """Under lock in the one order: purchase, receipt."""
    purchase_id = (await fetched(db, GoodsReceipt, receipt_id)).purchase_id
    return await locked(db, Purchase, purchase_id), await locked(db, GoodsReceipt, receipt_id)


def _changed(db: AsyncSession, receipt: GoodsReceipt, event: str) -> GoodsReceipt:
    receipt.version += 1
    record(db, contracts.RECORD, event, receipt_event(receipt))
    return receipt


def _counted(purchase: Purchase, lines: Sequence[ReceiptLineIn]) -> list[Counted]:
    """The lines; a lot without a number is named after the delivery's date."""
    unnamed = f"{purchase.delivery_on:%Y%m%d}"
    return [Counted(line.item_id, line.lot_no or unnamed, line.received, line.damaged) for line in lines]


async def _lines(db: AsyncSession, receipt: GoodsReceipt) -> list[Counted]:
    return [Counted(x.item_id, lot.lot_no, x.received, x.damaged) for x, lot in await lines_of(db, receipt.id)]


def _key(line: Counted) -> tuple[str, str, int, int]:
    return str(line.item_id), line.lot_no, line.received, line.damaged


async def _count(db: AsyncSession, purchase: Purchase, receipt: GoodsReceipt, lines: Sequence[ReceiptLineIn]) -> None:
    """Writes the lines of a draft, and their lots."""
    counted = _counted(purchase, lines)
    expected = await expected_at(db, purchase.id, receipt.area)
    domain.check_lines(counted, expected)
    lots = await _lots(db, purchase, {(line.item_id, line.lot_no) for line in counted})
    await insert_rows(db, GoodsReceiptLine, [_row(receipt, line, lots, expected) for line in counted])


def _row(
    receipt: GoodsReceipt, line: Counted, lots: Mapping[tuple[UUID, str], UUID], expected: Mapping[UUID, Expected]
) -> dict[str, Any]:
    of_item = expected[line.item_id]
    return {
        "receipt_id": receipt.id,
        "item_id": line.item_id,
        "lot_id": lots[line.item_id, line.lot_no],
        "ordered": of_item.ordered,
        "confirmed": of_item.confirmed,
        "received": line.received,
        "damaged": line.damaged,
    }


async def _lots(db: AsyncSession, purchase: Purchase, wanted: set[tuple[UUID, str]]) -> dict[tuple[UUID, str], UUID]:
    """The lots of these items and numbers; one lot may come to several communities."""
    query = select(Lot).where(col(Lot.purchase_id) == purchase.id)
    found = {(lot.item_id, lot.lot_no): lot.id for lot in (await db.execute(query)).scalars()}
    for item_id, lot_no in sorted(wanted - found.keys(), key=str):
        lot = Lot(
            id=new_id(),
            item_id=item_id,
            purchase_id=purchase.id,
            lot_no=lot_no,
            area=purchase.area,
            created_at=transaction_time(db),
        )
        db.add(lot)
        record(db, contracts.RECORD, "lot.created", lot_event(lot))
        found[item_id, lot_no] = lot.id
    await db.flush()
    return found


async def complete_receipt(db: AsyncSession, who: Principal, receipt_id: UUID) -> GoodsReceipt:
    """What came is what is written. Shortages are shared out and bags become packable by a timer right after.

    Raises Conflict (limit_reached) while something that was confirmed is not counted.
    """
    purchase, receipt = await _held(db, receipt_id)
    who.must("goods_receipts.complete", on=receipt.area)
    if (state := domain.RECEIPT.step(receipt.state, "complete")) == receipt.state:
        return receipt
    await _must_await_goods(db, purchase)
    counted = await _lines(db, receipt)
    expected = await expected_at(db, purchase.id, receipt.area)
    domain.check_lines(counted, expected)
    domain.check_complete((line.item_id for line in counted), expected)
    now = transaction_time(db)
    receipt.state, receipt.completed_by, receipt.completed_at = state, who.id, now
    await db.flush()
    await _add_to_purchase(db, purchase, counted)
    await schedule(db, SETTLE, receipt.id, now)
    return _changed(db, receipt, "goods_receipt.completed")


_RECEIVED = text(
    "UPDATE purchase_items i SET received = coalesce(i.received, 0) + n.good FROM unnest(CAST(:ids AS uuid[]),"
    " CAST(:good AS integer[])) AS n(id, good) WHERE i.purchase_id = :purchase_id AND i.item_id = n.id"
)


async def _add_to_purchase(db: AsyncSession, purchase: Purchase, counted: Sequence[Counted]) -> None:
    """Adds usable units to what the purchase has received; with the first receipt it is ``receiving``."""
    good: dict[UUID, int] = {}
    for line in counted:
        good[line.item_id] = good.get(line.item_id, 0) + line.good
    await db.execute(_RECEIVED, {"ids": list(good), "good": list(good.values()), "purchase_id": purchase.id})
    if purchase.state == "confirmed":
        await advance_purchase(db, purchase, "receive", "purchase.receiving")


async def advance_purchase(db: AsyncSession, purchase: Purchase, action: str, event: str) -> None:
    """Moves a purchase under lock, and tells."""
    purchase.state = PURCHASE.step(purchase.state, action)
    purchase.version += 1
    await db.flush()
    record(db, contracts.PURCHASE, event, purchase_event(purchase, await items_of(db, purchase.id)))
