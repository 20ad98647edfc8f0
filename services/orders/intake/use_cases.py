"""Amend, change the hand-over, cancel: one order at a time, in the locks' order counters, order, stock."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders import copies, policy
from services.orders.intake import bulk, domain
from services.orders.intake.domain import Channel, RoundNow, Stock, Want, Wish
from services.orders.intake.messages import order_events
from services.orders.intake.schemas import OrderCancel, OrderLineIn, OrderUpdate
from services.orders.intake.tables import Order, OrderLine, QuotaUse
from services.orders.money.ledger import Reduction, add_charge, reduce_charges
from services.orders.purchasing.tables import Purchase, PurchaseItem
from services.orders.rounds.tables import Round, RoundCounters
from shared.auth import Principal
from shared.bus.outbox import record
from shared.contracts import orders
from shared.database import fetched, insert_rows, locked, transaction_time
from shared.ids import new_id
from shared.problems import Conflict, Forbidden, TransitionNotAllowed
from shared.web import must_match


def wishes(lines: Sequence[OrderLineIn]) -> tuple[Wish, ...]:
    return tuple(Wish(line.item_id, line.qty, line.substitution, line.swap_item_id) for line in lines)


async def _under_lock(db: AsyncSession, order_id: UUID) -> tuple[Round, Order]:
    """The order with its round's counters held, so that the round stays as it is. Raises NotFound."""
    order = await fetched(db, Order, order_id)
    counters = select(RoundCounters).where(col(RoundCounters.round_id) == order.round_id).with_for_update()
    await db.execute(counters)
    round = await db.get(Round, order.round_id, populate_existing=True)
    assert round is not None
    return round, await locked(db, Order, order_id)


async def channel_of(db: AsyncSession, who: Principal, household_id: UUID, area: str, now: datetime) -> Channel:
    """How the caller acts for the household: as its resident (``app``) or as staff (``phone``).

    Raises NotFound or Forbidden as ``domain.reach`` does.
    """
    household = await copies.household(db, household_id)
    if who.may("orders.create_for_others", on=area):
        try:
            domain.reach(who, household, "phone", now)
        except Forbidden:
            domain.reach(who, household, "app", now)
            return "app"
        return "phone"
    domain.reach(who, household, "app", now)
    return "app"


def round_now(round: Round) -> RoundNow:
    values = policy.of_pinned(round.policy)
    return RoundNow(
        id=round.id,
        area=round.area,
        number=round.number,
        purchase_id=round.purchase_id,
        state=round.state,
        cut_off_at=round.cut_off_at,
        late_entry_until=round.late_entry_until,
        handover_default=round.handover_default,  # type: ignore[arg-type]  # held by a CHECK
        max_line_qty=values.max_line_qty,
        days_between_orders=values.days_between_orders,
    )


async def _must_be_amendable(db: AsyncSession, who: Principal, round: Round, order: Order) -> RoundNow:
    """Raises when the caller may not change the order, or not any more."""
    now = transaction_time(db)
    channel = await channel_of(db, who, order.household_id, order.area, now)
    domain.ORDER.step(order.state, "amend")
    present = round_now(round)
    domain.must_take(present, channel, None if channel == "app" else order.taken_at, now)
    return present


async def _lines(db: AsyncSession, order_id: UUID) -> list[OrderLine]:
    query = select(OrderLine).where(col(OrderLine.order_id) == order_id).order_by(col(OrderLine.id))
    return list((await db.execute(query)).scalars())


async def replace_lines(
    db: AsyncSession, who: Principal, order_id: UUID, lines: Sequence[OrderLineIn], version: int
) -> Order:
    """All lines anew, before the cut-off. Raises Conflict with what is left when it does not fit."""
    round, order = await _under_lock(db, order_id)
    present = await _must_be_amendable(db, who, round, order)
    had = {line.item_id: line for line in await _lines(db, order_id)}
    wanted = {wish.item_id: wish for wish in wishes(lines)}
    if len(wanted) == len(lines) and wanted == {item: _wish(line) for item, line in had.items()}:
        return order
    must_match(order.version, version)
    stock = await _stock(db, round.purchase_id, {*had, *wanted}, [wish.swap_item_id for wish in wanted.values()])
    owed = domain.priced(wishes(lines), stock, present.max_line_qty)
    more = owed - sum(line.charged_fen for line in had.values())
    wants = _wants(wishes(lines), had)
    await _take(db, order, wants, stock)
    await _write_lines(db, order, had, wanted, stock)
    await _recharge(db, who, order, more)
    await _amended(db, order)
    return order


def _wish(line: OrderLine) -> Wish:
    return Wish(line.item_id, line.requested, line.substitution, line.swap_item_id)  # type: ignore[arg-type]


def _wants(wished: Sequence[Wish], had: Mapping[UUID, OrderLine]) -> list[Want]:
    """What changes per item; items that are left out come last, with what goes back."""
    wants = [
        Want(i, wish.item_id, wish.qty - (had[wish.item_id].requested if wish.item_id in had else 0))
        for i, wish in enumerate(wished)
    ]
    gone = [item for item in had if item not in {wish.item_id for wish in wished}]
    return wants + [Want(-1, item, -had[item].requested) for item in gone]


_STOCK = text(
    'SELECT item_id, price_fen, "left", ration FROM purchase_items'
    " WHERE purchase_id = :purchase AND item_id = ANY(:items) ORDER BY purchase_id, item_id FOR UPDATE"
)


async def _stock(
    db: AsyncSession, purchase_id: UUID, items: set[UUID], swaps: Sequence[UUID | None]
) -> dict[UUID, Stock]:
    every = sorted(items | {swap for swap in swaps if swap is not None})
    rows = await db.execute(_STOCK, {"purchase": purchase_id, "items": every})
    return {row.item_id: Stock(row.item_id, row.price_fen, row.left, row.ration) for row in rows}


async def _take(db: AsyncSession, order: Order, wants: Sequence[Want], stock: Mapping[UUID, Stock]) -> None:
    """Moves stock and quota by what changes. Raises Conflict (out_of_stock, quota_used)."""
    query = select(QuotaUse).where(
        col(QuotaUse.round_id) == order.round_id, col(QuotaUse.household_id) == order.household_id
    )
    used = {row.item_id: row for row in (await db.execute(query)).scalars()}
    if (refusal := domain.short(wants, stock, {item: row.used for item, row in used.items()})) is not None:
        raise refusal
    for want in wants:
        row = await db.get(PurchaseItem, (order.purchase_id, want.item_id), populate_existing=True)
        assert row is not None
        row.left -= want.more
        if row.ration is None:
            continue
        if want.item_id in used:
            used[want.item_id].used += want.more
        else:
            db.add(
                QuotaUse(
                    round_id=order.round_id,
                    household_id=order.household_id,
                    item_id=want.item_id,
                    used=want.more,
                    ceiling=row.ration,
                )
            )


async def _write_lines(
    db: AsyncSession,
    order: Order,
    had: Mapping[UUID, OrderLine],
    wanted: Mapping[UUID, Wish],
    stock: Mapping[UUID, Stock],
) -> None:
    """Lines of items that stay keep their ids."""
    gone = [line.id for item, line in had.items() if item not in wanted]
    await db.execute(delete(OrderLine).where(col(OrderLine.id).in_(gone)))
    new: list[dict[str, Any]] = []
    for item, wish in wanted.items():
        values = {
            "requested": wish.qty,
            "charged_fen": wish.qty * stock[item].price_fen,
            "substitution": wish.substitution,
            "swap_item_id": wish.swap_item_id,
        }
        if item in had:
            for name, value in values.items():
                setattr(had[item], name, value)
        else:
            new.append(
                {
                    "id": new_id(),
                    "order_id": order.id,
                    "purchase_id": order.purchase_id,
                    "item_id": item,
                    "unit_price_fen": stock[item].price_fen,
                    "refunded": 0,
                    **values,
                }
            )
    await insert_rows(db, OrderLine, new)


async def _recharge(db: AsyncSession, who: Principal, order: Order, more: int) -> None:
    await db.flush()
    if more > 0:
        await add_charge(db, order.id, more, who.id)
    elif more < 0:
        await reduce_charges(db, [Reduction(order.id, -more, "community", "amended")], who.id)


async def _amended(db: AsyncSession, order: Order) -> None:
    order.state, order.amended_at = domain.ORDER.step(order.state, "amend"), transaction_time(db)
    order.version += 1
    await db.flush()
    record(db, orders.ORDER, "order.amended", (await order_events(db, [order]))[0])


async def update_order(db: AsyncSession, who: Principal, order_id: UUID, body: OrderUpdate, version: int) -> Order:
    """Gate or door, before the cut-off."""
    round, order = await _under_lock(db, order_id)
    await _must_be_amendable(db, who, round, order)
    if body.handover is None or body.handover == order.handover:
        return order
    must_match(order.version, version)
    order.handover = body.handover
    await _amended(db, order)
    return order


async def cancel_order(db: AsyncSession, who: Principal, order_id: UUID, body: OrderCancel) -> Order:
    """A household may until the cut-off; staff until the purchase is sent. What was paid is owed back."""
    seen = await fetched(db, Order, order_id)
    staff = who.may("orders.create_for_others", on=seen.area)
    purchase_state = await _purchase_state(db, seen.purchase_id) if staff else "open"
    round, order = await _under_lock(db, order_id)
    if domain.ORDER.step(order.state, "cancel") == order.state:
        return order
    if staff:
        if purchase_state != "open":
            raise TransitionNotAllowed("order", order.state, "cancel", [])
    else:
        await _must_be_amendable(db, who, round, order)
    await bulk.cancel_orders(db, [order.id], body.reason_code, "community", who.id)
    return order


async def _purchase_state(db: AsyncSession, purchase_id: UUID) -> str:
    """Its state, held until the transaction ends: it is not sent meanwhile."""
    query = select(col(Purchase.state)).where(col(Purchase.id) == purchase_id).with_for_update(read=True)
    state = (await db.execute(query)).scalar_one_or_none()
    if state is None:
        raise Conflict(code="transition_not_allowed", state="unknown", allowed_actions=[])
    return state
