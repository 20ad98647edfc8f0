"""Reads of receipts: what is expected at a place, and the comparison with what came."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders.catalogue.tables import CatalogItem
from services.orders.receiving.domain import Expected
from services.orders.receiving.schemas import GoodsReceiptPublic, ReceiptItem, ReceiptLot
from services.orders.receiving.tables import GoodsReceipt, GoodsReceiptLine, Lot

_EXPECTED = text(
    "SELECT l.item_id, coalesce(sum(l.requested) FILTER (WHERE l.substitute_for IS NULL), 0) AS ordered,"
    " coalesce(sum(l.confirmed), 0) AS confirmed FROM orders o JOIN order_lines l ON l.order_id = o.id"
    " WHERE o.purchase_id = :purchase_id AND o.state <> 'cancelled'"
    " AND (o.community_area = :area OR starts_with(o.community_area, :area || '.'))"
    " GROUP BY l.item_id ORDER BY l.item_id"
)
_SHARING = text(
    "SELECT EXISTS (SELECT 1 FROM orders o JOIN order_lines l ON l.order_id = o.id"
    " WHERE o.purchase_id = :purchase_id AND o.state = 'locked' AND l.allocated IS NULL)"
)


async def expected_at(db: AsyncSession, purchase_id: UUID, area: str) -> dict[UUID, Expected]:
    """By item, what the households of the area asked for and were promised."""
    rows = await db.execute(_EXPECTED, {"purchase_id": purchase_id, "area": area})
    return {row.item_id: Expected(row.item_id, int(row.ordered), int(row.confirmed)) for row in rows}


async def is_being_shared_out(db: AsyncSession, purchase_id: UUID) -> bool:
    """Whether the confirmed quantities have not been allocated to the lines yet."""
    return bool((await db.execute(_SHARING, {"purchase_id": purchase_id})).scalar_one())


async def lines_of(db: AsyncSession, receipt_id: UUID) -> list[tuple[GoodsReceiptLine, Lot]]:
    query = (
        select(GoodsReceiptLine, Lot)
        .join(Lot, col(Lot.id) == col(GoodsReceiptLine.lot_id))
        .where(col(GoodsReceiptLine.receipt_id) == receipt_id)
        .order_by(col(GoodsReceiptLine.item_id), col(Lot.lot_no))
    )
    return [(line, lot) for line, lot in (await db.execute(query)).all()]


async def compared(db: AsyncSession, receipt: GoodsReceipt) -> GoodsReceiptPublic:
    """The receipt with every item in its numbers: as they are now for a draft, as they were for a completed one."""
    rows = await lines_of(db, receipt.id)
    numbers = {line.item_id: (line.ordered, line.confirmed) for line, _ in rows}
    if receipt.state == "draft":
        expected = await expected_at(db, receipt.purchase_id, receipt.area)
        numbers |= {e.item_id: (e.ordered, e.confirmed) for e in expected.values()}
    names = await _names(db, list(numbers))
    items = [_item(names[id], *numbers[id], [row for row in rows if row[0].item_id == id]) for id in names]
    return GoodsReceiptPublic.model_validate(receipt.model_dump() | {"items": items})


async def _names(db: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, CatalogItem]:
    query = select(CatalogItem).where(col(CatalogItem.id).in_(ids)).order_by(col(CatalogItem.name), col(CatalogItem.id))
    return {item.id: item for item in (await db.execute(query)).scalars()}


def _item(item: CatalogItem, ordered: int, confirmed: int, rows: Sequence[Any]) -> ReceiptItem:
    received = sum(line.received for line, _ in rows) if rows else None
    damaged = sum(line.damaged for line, _ in rows) if rows else None
    short = None if received is None or damaged is None else max(0, confirmed - received + damaged)
    return ReceiptItem(
        item_id=item.id,
        name=item.name,
        unit=item.unit,
        ordered=ordered,
        confirmed=confirmed,
        received=received,
        damaged=damaged,
        short=short,
        lots=[
            ReceiptLot(lot_id=lot.id, lot_no=lot.lot_no, received=line.received, damaged=line.damaged)
            for line, lot in rows
        ],
    )
