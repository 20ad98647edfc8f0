"""What a call does by itself. Handlers look at the rows: a timer may be late or outdated.

The worker does what concerns many sign-ups, in batches: whoever withdraws need not see, or wait for, the others.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.dispatch.recruitment import domain
from services.dispatch.recruitment.messages import call_event
from services.dispatch.recruitment.use_cases import CLOSE, PROMOTE, UNWIND, under_lock
from services.dispatch.vetting import domain as vetting
from services.dispatch.vetting.messages import sign_up_event
from services.dispatch.vetting.tables import SignUp
from shared.bus.outbox import record, record_many
from shared.contracts import dispatch
from shared.timers import Handler, schedule

BATCH = 500
OPEN = ("published", "closed")


async def on_close(db: AsyncSession, call_id: UUID, now: datetime) -> None:
    """Closes a call whose time to sign up is over."""
    _, call = await under_lock(db, call_id)
    if call.state != "published" or call.apply_until is None or now < call.apply_until:
        return
    if happened := domain.close(call, "time", None, now):
        record(db, dispatch.RECRUITMENT_CALL, happened, call_event(call))


async def on_promote(db: AsyncSession, call_id: UUID, now: datetime) -> None:
    """Gives free places to the first of the waitlist, in the order in which they came."""
    places, call = await under_lock(db, call_id)
    count = domain.promote(places, BATCH) if call.state in OPEN else 0
    if not count:
        return
    first = await _next(db, call_id, ("waitlisted",), count)
    assert len(first) == count, "the waitlist is counted under the lock of the places"
    for one in first:
        vetting.promote(one, now)
    await record_many(db, dispatch.RECORD, "sign_up.promoted", [sign_up_event(one) for one in first])
    if places.places_left and places.waiting:
        await schedule(db, PROMOTE, call_id, now)


async def on_unwind(db: AsyncSession, call_id: UUID, now: datetime) -> None:
    """Refuses whoever waits for a call that was cancelled."""
    places, call = await under_lock(db, call_id)
    if call.state != "cancelled":
        return
    waiting = await _next(db, call_id, ("signed_up", "waitlisted"), BATCH)
    for one in waiting:
        domain.give_back(places, one.state)
        vetting.refuse(one, "call_cancelled", None, None, now)
    await record_many(db, dispatch.RECORD, "sign_up.refused", [sign_up_event(one) for one in waiting])
    if len(waiting) == BATCH:
        await schedule(db, UNWIND, call_id, now)


async def _next(db: AsyncSession, call_id: UUID, states: tuple[str, ...], count: int) -> list[SignUp]:
    query = (
        select(SignUp)
        .where(col(SignUp.recruitment_call_id) == call_id, col(SignUp.state).in_(states))
        .order_by(col(SignUp.created_at), col(SignUp.id))
        .limit(count)
        .with_for_update()
    )
    return list((await db.execute(query)).scalars())


TIMERS: dict[str, Handler] = {CLOSE: on_close, PROMOTE: on_promote, UNWIND: on_unwind}
