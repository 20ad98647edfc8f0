"""Reads of purchases: lists, items, demand, the order as a table for the store."""

from collections.abc import Sequence
from datetime import date
from io import BytesIO
from uuid import UUID

from sqlalchemy import Select, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders.purchasing.domain import PURCHASE
from services.orders.purchasing.schemas import (
    CommunityDemand,
    PurchaseDemand,
    PurchaseItemPublic,
    PurchasePublic,
    PurchaseSummary,
)
from services.orders.purchasing.tables import Purchase, PurchaseItem
from shared.database import fetched, transaction_time
from shared.money import Money
from shared.tabular import write_csv

_ITEMS = text(
    'SELECT i.item_id, c.name, c.unit, i.price_fen, i.initial, i."left", i.ration, i.initial - i."left" AS ordered,'
    " i.confirmed, i.received FROM purchase_items i JOIN catalog_items c ON c.id = i.item_id"
    " WHERE i.purchase_id = :purchase ORDER BY c.name, i.item_id"
)
_BY_COMMUNITY = text(
    "SELECT r.area, d.item_id, sum(d.qty)::bigint AS ordered, sum(d.orders)::bigint AS orders"
    " FROM round_demand(ARRAY(SELECT id FROM rounds WHERE purchase_id = :purchase)) d"
    " JOIN rounds r ON r.id = d.round_id"
    " GROUP BY r.area, d.item_id ORDER BY r.area, d.item_id"
)
_NAMES = text("SELECT area, payload->>'name' AS name FROM place_copies WHERE area = ANY(:areas) ORDER BY key")
HEADER = ("采购单号", "送货日期", "社区", "区域", "商品", "单位", "单价(元)", "数量", "item_id")


def listing(
    areas: Sequence[str],
    states: Sequence[str],
    stores: Sequence[UUID],
    code: str | None,
    delivery_from: date | None,
    delivery_before: date | None,
) -> Select[Purchase]:
    query = select(Purchase)
    if areas:
        # One of its communities is the place, or lies in it, or around it.
        touches = text(
            "EXISTS (SELECT 1 FROM unnest(purchases.areas) AS mine, unnest(CAST(:wanted AS text[])) AS w"
            " WHERE mine = w OR starts_with(mine, w || '.') OR starts_with(w, mine || '.'))"
        )
        query = query.where(touches.bindparams(wanted=list(areas)))
    if states:
        query = query.where(col(Purchase.state).in_(states))
    if stores:
        query = query.where(col(Purchase.store_id).in_(stores))
    if code:
        query = query.where(col(Purchase.code) == code)
    if delivery_from:
        query = query.where(col(Purchase.delivery_on) >= delivery_from)
    if delivery_before:
        query = query.where(col(Purchase.delivery_on) < delivery_before)
    return query


async def items_of(db: AsyncSession, purchase_id: UUID) -> list[PurchaseItem]:
    """Rows of the stock, by item, as they are now."""
    query = select(PurchaseItem).where(col(PurchaseItem.purchase_id) == purchase_id).order_by(col(PurchaseItem.item_id))
    return list((await db.execute(query.execution_options(populate_existing=True))).scalars())


async def _items_shown(db: AsyncSession, purchase_id: UUID) -> list[PurchaseItemPublic]:
    rows = (await db.execute(_ITEMS, {"purchase": purchase_id})).mappings()
    return [PurchaseItemPublic.model_validate(dict(row) | {"price": Money.of(row["price_fen"])}) for row in rows]


async def shown(db: AsyncSession, purchase: Purchase, expand: Sequence[str] = ()) -> PurchasePublic:
    actions = PURCHASE.allowed(purchase.state) if "allowed_actions" in expand else None
    return PurchasePublic(
        **PurchaseSummary.model_validate(purchase).model_dump(),
        items=await _items_shown(db, purchase.id),
        allowed_actions=actions,
    )


async def demand(db: AsyncSession, purchase_id: UUID) -> PurchaseDemand:
    """Raises NotFound for a purchase that the caller may not see."""
    purchase = await fetched(db, Purchase, purchase_id)
    rows = (await db.execute(_BY_COMMUNITY, {"purchase": purchase.id})).mappings()
    return PurchaseDemand(
        purchase_id=purchase.id,
        as_of=transaction_time(db),
        items=await _items_shown(db, purchase.id),
        communities=[CommunityDemand.model_validate(dict(row)) for row in rows],
    )


async def export(db: AsyncSession, purchase_id: UUID) -> tuple[str, bytes]:
    """File name and CSV of the purchase order: one row per community and item. Raises NotFound."""
    purchase = await fetched(db, Purchase, purchase_id)
    items = {item.item_id: item for item in await _items_shown(db, purchase.id)}
    names = {row.area: row.name for row in await db.execute(_NAMES, {"areas": purchase.areas})}
    rows = (await db.execute(_BY_COMMUNITY, {"purchase": purchase.id})).mappings()
    table = [
        (
            purchase.code,
            purchase.delivery_on.isoformat(),
            names.get(row["area"], ""),
            row["area"],
            items[row["item_id"]].name,
            items[row["item_id"]].unit,
            _yuan(items[row["item_id"]].price),
            row["ordered"],
            str(row["item_id"]),
        )
        for row in rows
    ]
    file = BytesIO()
    write_csv(file, HEADER, table)
    return f"purchase-{purchase.code}.csv", file.getvalue()


def _yuan(price: Money) -> str:
    return f"{price.amount_fen // 100}.{price.amount_fen % 100:02}"
