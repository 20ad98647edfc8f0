"""From orders and their lines to events."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders.intake.tables import Order, OrderLine
from shared.contracts.orders import OrderLineV1, OrderV1

_LINES = text(
    "SELECT l.* FROM unnest(CAST(:ids AS uuid[])) AS o(id) JOIN order_lines l ON l.order_id = o.id ORDER BY l.id"
)
_OWED = text("SELECT order_id, owed_fen FROM order_money WHERE order_id = ANY(:ids)")


def order_event(order: Order, lines: Sequence[OrderLine], owed_fen: int) -> OrderV1:
    return OrderV1(
        id=order.id,
        version=order.version,
        area=order.area,
        code=order.code,
        round_id=order.round_id,
        purchase_id=order.purchase_id,
        household_id=order.household_id,
        channel=order.channel,
        state=order.state,
        reason=order.reason,
        handover=order.handover,
        lines=[_line(line) for line in lines],
        owed_fen=owed_fen,
    )


def _line(line: OrderLine) -> OrderLineV1:
    return OrderLineV1(
        id=line.id,
        item_id=line.item_id,
        requested=line.requested,
        confirmed=line.confirmed,
        allocated=line.allocated,
        received=line.received,
        handed_over=line.handed_over,
        unit_price_fen=line.unit_price_fen,
        substitute_for=line.substitute_for,
    )


async def order_events(db: AsyncSession, orders: Sequence[Order]) -> list[OrderV1]:
    """The events of many orders as they are now, with lines and charge, in two reads."""
    ids = [order.id for order in orders]
    lines: dict[UUID, list[OrderLine]] = defaultdict(list)
    for row in (await db.execute(_LINES, {"ids": ids})).mappings():
        lines[row["order_id"]].append(OrderLine(**row))
    owed = {row.order_id: row.owed_fen for row in await db.execute(_OWED, {"ids": ids})}
    return [order_event(order, lines[order.id], owed.get(order.id, 0)) for order in orders]


async def order_events_of(db: AsyncSession, ids: Sequence[UUID]) -> list[OrderV1]:
    """The same, by id."""
    query = select(Order).where(col(Order.id) == text("ANY(:ids)")).order_by(col(Order.id))
    rows = await db.execute(query.execution_options(populate_existing=True), {"ids": list(ids)})
    return await order_events(db, list(rows.scalars()))
