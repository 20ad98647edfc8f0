"""What a round does by itself, when its time comes. Handlers look at the row: a timer may be late or outdated."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.intake import bulk
from services.orders.rounds import domain, use_cases
from services.orders.rounds.messages import round_event
from services.orders.rounds.use_cases import under_lock
from shared.bus.outbox import record
from shared.contracts import orders
from shared.problems import Conflict, Forbidden
from shared.timers import Handler


async def on_open(db: AsyncSession, round_id: UUID, now: datetime) -> None:
    """Opens a draft at ``opens_at``; without an agreement, or too late, it is cancelled."""
    _, _, round = await under_lock(db, round_id)
    if round.state != "draft" or now < round.opens_at:
        return
    try:
        await use_cases.start(db, round)
    except (Forbidden, Conflict) as refusal:
        await use_cases.call_off(db, round, refusal.code)


async def on_cut_off(db: AsyncSession, round_id: UUID, now: datetime) -> None:
    _, _, round = await under_lock(db, round_id)
    if happened := domain.cut_off(round, now):
        record(db, orders.ROUND, happened, round_event(round))


async def on_close(db: AsyncSession, round_id: UUID, now: datetime) -> None:
    purchase, counters, round = await under_lock(db, round_id)
    if round.state in domain.TAKING and now >= round.late_entry_until:
        await use_cases.finish(db, purchase, counters, round, reason="time")


async def on_capacity(db: AsyncSession, round_id: UUID, now: datetime) -> None:
    """Closes a round whose last place was taken, unless somebody has given one back meanwhile."""
    purchase, counters, round = await under_lock(db, round_id)
    if round.state in domain.TAKING and counters.capacity_left == 0:
        await use_cases.finish(db, purchase, counters, round, reason="capacity")


async def on_lock(db: AsyncSession, round_id: UUID, now: datetime) -> None:
    """Locks the orders of a closed round, or drops the unpaid ones where policy says so."""
    _, _, round = await under_lock(db, round_id)
    if round.state == "closed":
        await bulk.lock_orders(db, round)


async def on_unwind(db: AsyncSession, round_id: UUID, now: datetime) -> None:
    """Gives up the orders of a cancelled round."""
    _, _, round = await under_lock(db, round_id)
    if round.state == "cancelled":
        await bulk.cancel_round_orders(db, [round.id], f"round_{round.reason}", "community")


TIMERS: dict[str, Handler] = {
    "rounds.open": on_open,
    "rounds.cut_off": on_cut_off,
    "rounds.close": on_close,
    "rounds.capacity": on_capacity,
    "rounds.lock": on_lock,
    "rounds.unwind": on_unwind,
}
