"""What a purchase does by itself: it sends itself, asks again, gives up on a silent store, shares out, unwinds."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders.allocation.use_cases import allocate
from services.orders.intake import bulk
from services.orders.parcels.arrivals import expect_parcels, withdraw_parcels
from services.orders.purchasing import domain, use_cases
from services.orders.purchasing.queries import items_of
from services.orders.purchasing.tables import Purchase
from services.orders.rounds import domain as rounds
from services.orders.rounds.messages import round_event
from services.orders.rounds.tables import Round
from services.orders.rounds.use_cases import call_off as call_off_round
from services.orders.rounds.use_cases import finish, locked_counters
from shared.bus.outbox import record
from shared.contracts import orders
from shared.database import locked
from shared.timers import Handler


async def on_send(db: AsyncSession, purchase_id: UUID, now: datetime) -> None:
    """At ``send_at``: whatever still takes orders ends, unpaid orders are judged, then the store is asked."""
    purchase = await locked(db, Purchase, purchase_id)
    if purchase.state != "open" or now < purchase.send_at:
        return
    for round in await _rounds(db, purchase_id):
        await _end(db, purchase, round)
    await db.flush()
    if all(item.initial == item.left for item in await items_of(db, purchase_id)):
        await use_cases.call_off(db, purchase, "cancel", "no_orders")
    elif happened := domain.send(purchase, now):
        await use_cases.asked(db, purchase, happened)


async def _rounds(db: AsyncSession, purchase_id: UUID) -> list[Round]:
    """All rounds of a purchase whose lock is held, counters and rounds locked."""
    ids = (
        await db.execute(select(col(Round.id)).where(col(Round.purchase_id) == purchase_id).order_by(col(Round.id)))
    ).scalars()
    wanted = list(ids)
    for round_id in wanted:
        await locked_counters(db, round_id)
    return [await locked(db, Round, round_id) for round_id in wanted]


async def _end(db: AsyncSession, purchase: Purchase, round: Round) -> None:
    if round.state == "draft":
        await call_off_round(db, round, "not_opened")
    if round.state in rounds.TAKING:
        await finish(db, purchase, await locked_counters(db, round.id), round, reason="time")
    if round.state == "cancelled":
        await bulk.cancel_round_orders(db, [round.id], f"round_{round.reason}", "community")
    elif round.state == "closed":
        await bulk.lock_orders(db, round)


async def on_confirm_by(db: AsyncSession, purchase_id: UUID, now: datetime) -> None:
    """A silent store is asked once more, then its purchase is cancelled."""
    purchase = await locked(db, Purchase, purchase_id)
    match domain.silence(purchase, now):
        case "resend":
            await use_cases.asked(db, purchase, domain.resend(purchase, now))
        case "cancel":
            await use_cases.call_off(db, purchase, "cancel", "store_silent")


async def on_allocate(db: AsyncSession, purchase_id: UUID, now: datetime) -> None:
    """The store has confirmed: its rounds too, what is short is shared out, and the bags are expected."""
    purchase = await locked(db, Purchase, purchase_id)
    if purchase.state != "confirmed":
        return
    for round in await _rounds(db, purchase_id):
        if round.state == "closed" and (happened := rounds.advance(round, "confirm", now)):
            record(db, orders.ROUND, happened, round_event(round))
    await db.flush()
    await allocate(db, purchase_id, reason="confirmed_short", now=now)
    await expect_parcels(db, purchase_id, now)


async def on_unwind(db: AsyncSession, purchase_id: UUID, now: datetime) -> None:
    """A cancelled purchase takes its rounds, orders and bags with it; every fen that was paid is owed back."""
    purchase = await locked(db, Purchase, purchase_id)
    if purchase.state != "cancelled" or purchase.reason is None:
        return
    found = await _rounds(db, purchase_id)
    for round in found:
        if round.state != "cancelled" and (happened := rounds.cancel(round, purchase.reason, now)):
            record(db, orders.ROUND, happened, round_event(round))
    await db.flush()
    liable = "store" if purchase.reason in ("store_refused", "store_silent", "store_cannot_deliver") else "community"
    await withdraw_parcels(db, purchase_id, purchase.reason)
    await bulk.cancel_round_orders(db, [round.id for round in found], purchase.reason, liable)


TIMERS: dict[str, Handler] = {
    "purchases.send": on_send,
    "purchases.confirm_by": on_confirm_by,
    "purchases.allocate": on_allocate,
    "purchases.unwind": on_unwind,
}
