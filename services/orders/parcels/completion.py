"""An order ends when every unit of it is handed over or refunded; a round ends when all its orders have."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders.intake.domain import ORDER
from services.orders.intake.messages import order_events
from services.orders.intake.tables import Order
from services.orders.parcels.domain import LineEnd, is_fulfilled
from services.orders.rounds.domain import advance
from services.orders.rounds.messages import round_event
from services.orders.rounds.tables import Round
from shared.bus.outbox import record, record_many
from shared.contracts import orders as contracts

_ENDS = text(
    "SELECT l.order_id, l.requested, coalesce(l.handed_over, 0) AS handed_over, l.refunded,"
    " coalesce((SELECT sum(s.requested) FROM order_lines s WHERE s.substitute_for = l.id), 0)::integer AS moved"
    " FROM order_lines l WHERE l.order_id = ANY(:ids)"
)
_UNFINISHED = text(
    "SELECT DISTINCT round_id FROM orders WHERE round_id = ANY(:ids) AND state NOT IN ('fulfilled', 'cancelled')"
)


async def complete_orders(db: AsyncSession, order_ids: Iterable[UUID], now: datetime) -> list[UUID]:
    """Fulfils those of these locked orders that are at their end, and their rounds; returns the fulfilled ones."""
    ids = sorted(set(order_ids))
    if not ids:
        return []
    locked = (
        select(Order)
        .where(col(Order.id).in_(ids), col(Order.state) == "locked")
        .order_by(col(Order.id))
        .with_for_update()
    )
    orders = list((await db.execute(locked)).scalars())
    ends: dict[UUID, list[LineEnd]] = {}
    for row in (await db.execute(_ENDS, {"ids": [order.id for order in orders]})).all():
        ends.setdefault(row.order_id, []).append(LineEnd(row.requested, row.handed_over, row.refunded, row.moved))
    done = [order for order in orders if is_fulfilled(ends.get(order.id, ()))]
    for order in done:
        order.state, order.fulfilled_at = ORDER.step(order.state, "fulfil"), now
        order.version += 1
    await db.flush()
    await record_many(db, contracts.ORDER, "order.fulfilled", await order_events(db, done))
    await complete_rounds(db, {order.round_id for order in done}, now)
    return [order.id for order in done]


async def complete_rounds(db: AsyncSession, round_ids: Iterable[UUID], now: datetime) -> None:
    """Completes those arrived rounds whose orders are all final."""
    ids: Sequence[UUID] = sorted(set(round_ids))
    if not ids:
        return
    unfinished = set((await db.execute(_UNFINISHED, {"ids": ids})).scalars())
    query = (
        select(Round)
        .where(col(Round.id).in_(set(ids) - unfinished), col(Round.state) == "arrived")
        .order_by(col(Round.id))
        .with_for_update()
    )
    for round_ in (await db.execute(query)).scalars():
        if happened := advance(round_, "complete", now):
            record(db, contracts.ROUND, happened, round_event(round_))
