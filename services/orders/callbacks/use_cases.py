"""Claim and resolve calls; an outcome changes the line, with a trace: the order's event and the postings."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import policy
from services.orders.allocation.domain import Claim
from services.orders.allocation.queries import Scope
from services.orders.allocation.settlement import settle_missing
from services.orders.allocation.substitution import Missing
from services.orders.callbacks import domain
from services.orders.callbacks.messages import callback_event
from services.orders.callbacks.opening import EXPIRE, Call, open_calls
from services.orders.callbacks.schemas import CallbackResolve
from services.orders.callbacks.tables import Callback
from services.orders.intake.messages import order_events
from services.orders.intake.tables import Order, OrderLine
from services.orders.money.settlement import complete_if_settled
from services.orders.parcels.arrivals import expect_parcels
from services.orders.parcels.completion import complete_orders
from services.orders.purchasing.tables import Purchase
from services.orders.rounds.tables import Round
from shared.auth import Principal
from shared.bus.outbox import record
from shared.contracts import orders as contracts
from shared.database import fetched, locked, transaction_time
from shared.problems import Conflict
from shared.timers import Handler
from shared.walls import beyond_callers_areas


async def claim(db: AsyncSession, who: Principal, callback_id: UUID) -> Callback:
    """The caller makes this call."""
    callback = await locked(db, Callback, callback_id)
    who.must("callbacks.claim", on=callback.area)
    if happened := domain.claim(callback, who.id, transaction_time(db)):
        record(db, contracts.RECORD, happened, callback_event(callback))
    return callback


async def resolve(db: AsyncSession, who: Principal, callback_id: UUID, body: CallbackResolve) -> Callback:
    """How the call ended: a swap and a refund change the line, waiting queues another call."""
    purchase, order, callback = await _held(db, callback_id)
    who.must("callbacks.resolve", on=callback.area)
    domain.check_outcome(callback, body.outcome, body.swap_item_id)
    now = transaction_time(db)
    if (happened := domain.resolve(callback, body.outcome, body.note, who.id, now)) is None:
        return callback
    if callback.line_id is not None and order.state != "locked":
        raise Conflict(("订单已结束。", "The order has ended; this call ends by itself."), code="limit_reached")
    record(db, contracts.RECORD, happened, callback_event(callback))
    await db.flush()
    if body.outcome == "keep_waiting":
        await _call_again(db, callback, order, now)
    elif callback.line_id is not None:
        async with beyond_callers_areas(db):
            await _settle(db, purchase, order, callback, body.swap_item_id, who.id)
    return callback


async def _held(db: AsyncSession, callback_id: UUID) -> tuple[Purchase, Order, Callback]:
    """Under lock in the one order: purchase, order, callback."""
    order_id = (await fetched(db, Callback, callback_id)).order_id
    purchase_id = (await fetched(db, Order, order_id)).purchase_id
    purchase = await locked(db, Purchase, purchase_id)
    order = await locked(db, Order, order_id)
    return purchase, order, await locked(db, Callback, callback_id)


async def _call_again(db: AsyncSession, callback: Callback, order: Order, now: datetime) -> None:
    pinned = policy.of_pinned((await fetched(db, Round, order.round_id)).policy)
    call = Call(
        callback.area, callback.household_id, callback.order_id, callback.reason, callback.line_id, callback.qty
    )
    await open_calls(db, [call], now, now + timedelta(minutes=pinned.callback_minutes))


async def _settle(
    db: AsyncSession, purchase: Purchase, order: Order, callback: Callback, swap_item_id: UUID | None, by: UUID | None
) -> None:
    """Swaps or refunds the units that the call was about."""
    assert callback.line_id is not None
    line = await locked(db, OrderLine, callback.line_id)
    if swap_item_id is not None and line.received is not None:
        raise Conflict(
            (
                "货已到, 不能再换; 请改为退款。",
                "The goods have come, so nothing can be swapped any more; refund instead.",
            ),
            code="limit_reached",
        )
    scope = Scope(purchase.id, "confirmed_short", purchase.area)
    claim = Claim(line.id, callback.household_id, callback.qty, weight=1)
    choice = "swap" if swap_item_id else "refund"
    missing = Missing(claim, order.id, order.round_id, order.household_id, line.unit_price_fen, choice, swap_item_id)
    settled = await settle_missing(db, scope, [missing], 0, by)
    if swap_item_id is not None and settled.settlements[0].swapped < callback.qty:
        raise _not_left()
    await _trace(db, order, "order.substituted" if swap_item_id else "order.allocated")
    if swap_item_id is not None:
        await expect_parcels(db, purchase.id, transaction_time(db))
    await complete_orders(db, [order.id], transaction_time(db))
    await complete_if_settled(db, purchase.id, transaction_time(db))


def _not_left() -> Conflict:
    return Conflict(
        (
            "该商品剩余不足、更贵或已达限购, 请另选或退款。",
            "Not enough of that item is left over, it costs more, or its quota is used; choose another, or refund.",
        ),
        code="out_of_stock",
    )


async def _trace(db: AsyncSession, order: Order, event: str) -> None:
    order.version += 1
    await db.flush()
    record(db, contracts.ORDER, event, (await order_events(db, [order]))[0])


async def on_expire(db: AsyncSession, callback_id: UUID, now: datetime) -> None:
    """Nobody could settle it in time: what is open is refunded; of an order that has ended, nothing is open."""
    purchase, order, callback = await _held(db, callback_id)
    if callback.state == "resolved" or now < callback.due_at:
        return
    ended = order.state != "locked"
    happened = domain.resolve(callback, "order_ended" if ended else "not_reached", None, None, now)
    assert happened is not None
    record(db, contracts.RECORD, happened, callback_event(callback))
    await db.flush()
    if not ended:
        await _settle(db, purchase, order, callback, None, None)


TIMERS: dict[str, Handler] = {EXPIRE: on_expire}
