"""The verbs of rounds. Locks are taken in one order everywhere: purchase, counters, round, orders, stock."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders import policy
from services.orders.catalogue.use_cases import must_be_open
from services.orders.intake import bulk
from services.orders.purchasing.tables import Purchase
from services.orders.rounds import domain
from services.orders.rounds.domain import Times
from services.orders.rounds.messages import round_event
from services.orders.rounds.schemas import RoundCancel, RoundCreate, RoundExtend, RoundUpdate
from services.orders.rounds.tables import Round, RoundCounters
from shared.answers import same_or_conflict
from shared.auth import Principal
from shared.bus.outbox import record
from shared.contracts import orders
from shared.database import fetched, locked, transaction_time, unknown_reference
from shared.identifiers import make_code
from shared.ids import new_id
from shared.problems import Conflict, NotFound, TransitionNotAllowed, invalid
from shared.timers import schedule
from shared.web import Transition, must_match


async def create_round(db: AsyncSession, who: Principal, body: RoundCreate) -> Round:
    """A draft of a community's round within an open purchase."""
    who.must("rounds.create", on=body.area)
    content = body.model_dump(exclude={"id"})
    if body.id and (there := await db.get(Round, body.id)):
        return same_or_conflict(there, content)
    purchase = await _purchase_to_join(db, body)
    now = transaction_time(db)
    Times(body.opens_at, body.cut_off_at, body.late_entry_until).check(purchase.send_at, now)
    if body.reopened_from is not None:
        await _must_be_over(db, body)
    number: int = (await db.execute(text("SELECT nextval('round_numbers')"))).scalar_one()
    round = Round(
        id=body.id or new_id(),
        number=number,
        code=make_code(number, max(4, len(str(number)) + 1)),
        store_id=purchase.store_id,
        **content,
        created_by=who.id,
        created_at=now,
    )
    db.add(round)
    await db.flush()
    db.add(RoundCounters(round_id=round.id, capacity_left=body.capacity_orders))
    record(db, orders.ROUND, "round.created", round_event(round))
    await schedule(db, "rounds.open", round.id, round.opens_at)
    return round


async def _purchase_to_join(db: AsyncSession, body: RoundCreate) -> Purchase:
    try:
        purchase = await locked(db, Purchase, body.purchase_id)
    except NotFound:
        raise unknown_reference(body.purchase_id, "/purchase_id") from None
    if purchase.state != "open":
        raise Conflict(
            ("该采购单已发送或取消, 请选择另一个。", "The purchase is no longer open; choose or open another one."),
            code="transition_not_allowed",
            state=purchase.state,
            allowed_actions=[],
        )
    if body.area not in purchase.areas:
        raise invalid(
            "/area", "not_in_purchase", "该社区不在此采购单内。", "The purchase does not serve this community."
        )
    return purchase


async def _must_be_over(db: AsyncSession, body: RoundCreate) -> None:
    old = await db.get(Round, body.reopened_from)
    if old is None or old.area != body.area or old.state in ("draft", *domain.TAKING):
        raise invalid(
            "/reopened_from",
            "not_over",
            "须为本社区已结束接单的一轮。",
            "It must be a round of this community that is over.",
        )


async def update_round(db: AsyncSession, who: Principal, round_id: UUID, body: RoundUpdate, version: int) -> Round:
    """Changes a draft. Raises TransitionNotAllowed once it is open."""
    purchase, counters, round = await under_lock(db, round_id)
    who.must("rounds.update", on=round.area)
    changes = _changes(round, body.model_dump(exclude_unset=True))
    if not changes:
        return round
    must_match(round.version, version)
    if round.state != "draft":
        raise TransitionNotAllowed("round", round.state, "update", domain.ROUND.allowed(round.state))
    for name, value in changes.items():
        setattr(round, name, value)
    Times(round.opens_at, round.cut_off_at, round.late_entry_until).check(purchase.send_at, transaction_time(db))
    counters.capacity_left = round.capacity_orders
    round.version += 1
    record(db, orders.ROUND, "round.updated", round_event(round))
    await schedule(db, "rounds.open", round.id, round.opens_at)
    return round


def _changes(round: Round, wanted: Mapping[str, Any]) -> dict[str, Any]:
    clearable = ("capacity_orders",)
    return {
        name: value
        for name, value in wanted.items()
        if getattr(round, name) != value and (value is not None or name in clearable)
    }


async def under_lock(db: AsyncSession, round_id: UUID) -> tuple[Purchase, RoundCounters, Round]:
    """The round with its purchase and counters, in the one order of locks. Raises NotFound."""
    purchase_id = (await fetched(db, Round, round_id)).purchase_id
    query = select(Purchase).where(col(Purchase.id) == purchase_id).with_for_update()
    purchase = (await db.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()
    if purchase is None:
        raise NotFound()
    counters = await locked_counters(db, round_id)
    return purchase, counters, await locked(db, Round, round_id)


async def locked_counters(db: AsyncSession, round_id: UUID) -> RoundCounters:
    """The lock that intake takes: while it is held no order comes into the round."""
    query = select(RoundCounters).where(col(RoundCounters.round_id) == round_id).with_for_update()
    return (await db.execute(query.execution_options(populate_existing=True))).scalar_one()


async def open_round(db: AsyncSession, who: Principal, round_id: UUID) -> Round:
    """Open now. Raises Forbidden (agreement_required) unless the community's agreement with the store holds today."""
    _, _, round = await under_lock(db, round_id)
    who.must("rounds.open", on=round.area)
    await start(db, round)
    return round


async def start(db: AsyncSession, round: Round) -> None:
    """Opens a round under lock, pins its policy and sets its timers."""
    if round.state == "draft":
        await must_be_open(db, round.area, round.store_id)
    now = transaction_time(db)
    if happened := domain.open_(round, await policy.in_force(db, round.area, now), now):
        record(db, orders.ROUND, happened, round_event(round))
        await set_timers(db, round)


async def set_timers(db: AsyncSession, round: Round) -> None:
    await schedule(db, "rounds.cut_off", round.id, round.cut_off_at)
    await schedule(db, "rounds.close", round.id, round.late_entry_until)


async def extend_round(db: AsyncSession, who: Principal, round_id: UUID, body: RoundExtend) -> Round:
    """A later cut-off, once."""
    purchase, _, round = await under_lock(db, round_id)
    who.must("rounds.extend", on=round.area)
    if round.extended and (round.cut_off_at, round.late_entry_until) == (body.cut_off_at, body.late_entry_until):
        return round
    if body.cut_off_at <= round.cut_off_at:
        raise invalid(
            "/cut_off_at", "too_early", "须晚于现在的截单时间。", "It must be later than the present cut_off_at."
        )
    Times(round.opens_at, body.cut_off_at, body.late_entry_until).check(purchase.send_at, transaction_time(db))
    await _extend(db, round, body.cut_off_at - round.cut_off_at, body)
    return round


async def _extend(db: AsyncSession, round: Round, by: timedelta, body: RoundExtend | None = None) -> None:
    until = body.late_entry_until if body else round.late_entry_until + by
    happened = domain.extend(round, round.cut_off_at + by, until)
    record(db, orders.ROUND, happened, round_event(round))
    await set_timers(db, round)


async def close_round(db: AsyncSession, who: Principal, round_id: UUID, body: Transition) -> Round:
    """Close before its time; the minimum is judged now, without extension."""
    purchase, counters, round = await under_lock(db, round_id)
    who.must("rounds.close", on=round.area)
    await finish(db, purchase, counters, round, reason="by_hand", by=who.id)
    return round


async def finish(
    db: AsyncSession,
    purchase: Purchase,
    counters: RoundCounters,
    round: Round,
    *,
    reason: str,
    by: UUID | None = None,
) -> None:
    """Ends a round under lock as its own rule says; its orders are locked, or given up, by a timer right after."""
    now = transaction_time(db)
    if round.state not in domain.TAKING:
        domain.close(round, reason, by, now)  # raises, or was closed before
        return
    count = counters.orders - await bulk.count_to_drop(db, round)
    verdict = domain.judge(round, count, purchase.send_at, now, by_hand=by is not None)
    if verdict == "extend":
        await _extend(db, round, timedelta(minutes=round.extend_minutes))
    elif verdict == "cancel":
        await call_off(db, round, "minimum_missed" if count else "no_orders")
    elif happened := domain.close(round, reason, by, now):
        record(db, orders.ROUND, happened, round_event(round))
        await schedule(db, "rounds.lock", round.id, now)


async def cancel_round(db: AsyncSession, who: Principal, round_id: UUID, body: RoundCancel) -> Round:
    """It will not take place: orders are cancelled, what was paid becomes due for refund.

    Raises TransitionNotAllowed once the store has been asked: then the whole purchase is to be cancelled.
    """
    purchase, _, round = await under_lock(db, round_id)
    who.must("rounds.cancel", on=round.area)
    if purchase.state not in ("open", "cancelled") and round.state != "cancelled":
        raise TransitionNotAllowed("round", round.state, "cancel", [])
    await call_off(db, round, body.reason_code)
    return round


async def call_off(db: AsyncSession, round: Round, reason: str) -> None:
    """Cancels a round under lock; its orders follow by a timer right after."""
    now = transaction_time(db)
    if happened := domain.cancel(round, reason, now):
        record(db, orders.ROUND, happened, round_event(round))
        await schedule(db, "rounds.unwind", round.id, now)
