"""The verbs of purchases."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders import policy
from services.orders.catalogue import domain as catalogue
from services.orders.catalogue.tables import PriceList, PriceListLine
from services.orders.catalogue.use_cases import must_be_open
from services.orders.purchasing import domain
from services.orders.purchasing.messages import purchase_event
from services.orders.purchasing.queries import items_of
from services.orders.purchasing.schemas import PurchaseCancel, PurchaseConfirm, PurchaseCreate, PurchaseRefuse
from services.orders.purchasing.tables import Purchase, PurchaseItem
from services.orders.rounds.domain import TAKING
from services.orders.rounds.tables import Round
from shared.answers import same_or_conflict
from shared.areas import BadArea, Level, level, smallest_common
from shared.auth import Principal
from shared.bus.outbox import record
from shared.contracts import orders
from shared.database import insert_rows, locked, transaction_time, unknown_reference
from shared.identifiers import make_code
from shared.ids import new_id
from shared.problems import Conflict, FieldError, Invalid, NotFound, invalid
from shared.timers import schedule


async def create_purchase(db: AsyncSession, who: Principal, body: PurchaseCreate) -> Purchase:
    """Opens a purchase: pins the signed list's prices and carries the stock.

    Raises Forbidden (agreement_required) unless every community has an active agreement with the store.
    """
    area = _covering(body.areas)
    who.must("purchases.create", on=area)
    content: dict[str, Any] = {
        "store_id": body.store_id,
        "areas": sorted(set(body.areas)),
        "delivery_on": body.delivery_on,
    }
    if body.id and (there := await db.get(Purchase, body.id)):
        return same_or_conflict(there, content | {"send_at": body.send_at})
    now = transaction_time(db)
    values = policy.of_pinned(await policy.in_force(db, area, now))
    domain.check_dates(body.send_at, body.delivery_on, values.lead_days, now)
    await _must_serve(db, body)
    prices = await _price_list(db, body)
    stock = await _stock(db, body, prices)
    purchase = Purchase(
        id=body.id or new_id(),
        code=await _next_code(db),
        area=area,
        **content,
        send_at=body.send_at,
        confirm_seconds=body.confirm_seconds or values.confirm_seconds,
        price_list_id=prices.id,
        created_by=who.id,
        created_at=now,
    )
    db.add(purchase)
    await db.flush()
    await insert_rows(db, PurchaseItem, [{"purchase_id": purchase.id, **item} for item in stock])
    await _record(db, purchase, "purchase.created")
    await schedule(db, "purchases.send", purchase.id, purchase.send_at)
    return purchase


async def _next_code(db: AsyncSession) -> str:
    number: int = (await db.execute(text("SELECT nextval('purchase_numbers')"))).scalar_one()
    return make_code(number, max(4, len(str(number)) + 1))


def _covering(areas: list[str]) -> str:
    try:
        return smallest_common(areas)
    except BadArea:
        raise invalid(
            "/areas", "too_far_apart", "这些社区不在同一地区。", "These communities have no place in common."
        ) from None


async def _must_serve(db: AsyncSession, body: PurchaseCreate) -> None:
    for index, area in enumerate(body.areas):
        if level(area) is not Level.COMMUNITY:
            raise invalid(f"/areas/{index}", "not_a_community", "须为社区。", "A purchase serves communities.")
    for area in sorted(set(body.areas)):
        await must_be_open(db, area, body.store_id)


async def _price_list(db: AsyncSession, body: PurchaseCreate) -> PriceList:
    now = transaction_time(db)
    if body.price_list_id is not None:
        prices = await db.get(PriceList, body.price_list_id)
        if prices is None:
            raise unknown_reference(body.price_list_id, "/price_list_id")
    else:
        newest = select(PriceList).where(
            col(PriceList.store_id) == body.store_id,
            col(PriceList.state) == "signed",
            col(PriceList.valid_from) <= now,
            func.coalesce(col(PriceList.valid_until) > now, True),
        )
        prices = (await db.execute(newest.order_by(col(PriceList.list_no).desc()).limit(1))).scalar_one_or_none()
    if prices is None or prices.store_id != body.store_id or not catalogue.in_force(prices, now):
        raise invalid(
            "/price_list_id",
            "not_signed",
            "须为此商店已签署且在有效期内的价目表。",
            "The store has no such price list that is signed and in force; let its manager sign one.",
        )
    return prices


async def _stock(db: AsyncSession, body: PurchaseCreate, prices: PriceList) -> list[dict[str, Any]]:
    rows = await db.execute(
        select(col(PriceListLine.item_id), col(PriceListLine.price_fen)).where(
            col(PriceListLine.price_list_id) == prices.id
        )
    )
    price_of = {row[0]: row[1] for row in rows}
    errors = []
    seen: set[UUID] = set()
    for index, item in enumerate(body.items):
        if item.item_id not in price_of:
            text_ = ("价目表中没有此商品。", "The signed price list has no such item.")
            errors.append(FieldError(f"/items/{index}/item_id", "unknown", text_))
        if item.item_id in seen:
            text_ = ("同一商品只能列一次。", "List each item once.")
            errors.append(FieldError(f"/items/{index}/item_id", "duplicate", text_))
        seen.add(item.item_id)
    if errors:
        raise Invalid(errors[0].detail, errors=errors)
    return [
        {
            "item_id": item.item_id,
            "price_fen": price_of[item.item_id],
            "initial": item.initial,
            "left": item.initial,
            "ration": item.ration,
        }
        for item in body.items
    ]


async def _record(db: AsyncSession, purchase: Purchase, event: str) -> None:
    record(db, orders.PURCHASE, event, purchase_event(purchase, await items_of(db, purchase.id)))


async def send_purchase(db: AsyncSession, who: Principal, purchase_id: UUID) -> Purchase:
    """Send it before ``send_at``. Raises Conflict while a round still takes orders or its orders are being locked."""
    purchase = await locked(db, Purchase, purchase_id)
    who.must("purchases.send", on=purchase.area)
    if purchase.state == "open":
        await _rounds_must_be_over(db, purchase)
    if happened := domain.send(purchase, transaction_time(db)):
        await asked(db, purchase, happened)
    return purchase


async def _rounds_must_be_over(db: AsyncSession, purchase: Purchase) -> None:
    states = set((await db.execute(select(col(Round.state)).where(col(Round.purchase_id) == purchase.id))).scalars())
    if states & {"draft", *TAKING} or "closed" not in states:
        raise Conflict(
            (
                "仍有未截单的团购, 或没有已截单的团购。",
                "Close or cancel its rounds first; at least one round must be closed.",
            ),
            code="transition_not_allowed",
            state=purchase.state,
            allowed_actions=["cancel"],
        )
    if await orders_being_locked(db, purchase.id):
        raise Conflict(
            ("订单正在锁定, 请稍候重试。", "Its orders are being locked; repeat this in a second."),
            code="in_progress",
            headers={"Retry-After": "1"},
        )


async def orders_being_locked(db: AsyncSession, purchase_id: UUID) -> bool:
    """Whether a closed round of it still has orders that are not locked."""
    waiting = text(
        "SELECT EXISTS (SELECT 1 FROM orders o JOIN rounds r ON r.id = o.round_id"
        " WHERE r.purchase_id = :id AND o.state IN ('placed', 'amended'))"
    )
    return bool((await db.execute(waiting, {"id": purchase_id})).scalar_one())


async def asked(db: AsyncSession, purchase: Purchase, event: str) -> None:
    """The store was asked, again or for the first time: tell, and wait until ``confirm_by``."""
    assert purchase.confirm_by is not None
    await _record(db, purchase, event)
    await schedule(db, "purchases.confirm_by", purchase.id, purchase.confirm_by)


async def resend_purchase(db: AsyncSession, who: Principal, purchase_id: UUID) -> Purchase:
    """Ask the store again; it has as long as the first time."""
    purchase = await locked(db, Purchase, purchase_id)
    who.must("purchases.resend", on=purchase.area)
    await asked(db, purchase, domain.resend(purchase, transaction_time(db)))
    return purchase


async def confirm_purchase(db: AsyncSession, who: Principal, purchase_id: UUID, body: PurchaseConfirm) -> Purchase:
    """What the store will deliver. Shortages are shared out by a timer right after, across all communities.

    Raises Invalid for an unknown item, more than was ordered, or an ordered item left out.
    """
    purchase = await _of_store(db, who, "purchases.confirm", purchase_id, body.store_id)
    now = transaction_time(db)
    items = {item.item_id: item for item in await items_of(db, purchase.id)}
    wanted = {line.item_id: line.confirmed_qty for line in body.lines}
    if purchase.state == "sent":
        ordered = {item.item_id: item.initial - item.left for item in items.values()}
        domain.check_confirmation(ordered, [(line.item_id, line.confirmed_qty) for line in body.lines])
    if happened := domain.confirm(purchase, now):
        for item in items.values():
            item.confirmed = wanted.get(item.item_id, 0)
        await db.flush()
        await _record(db, purchase, happened)
        await schedule(db, "purchases.allocate", purchase.id, now)
    elif any(item.confirmed != wanted.get(item.item_id, 0) for item in items.values()):
        raise Conflict(
            ("该采购单已确认为其他数量。", "It was confirmed with other quantities already; telephone the community."),
            code="transition_not_allowed",
            state=purchase.state,
            allowed_actions=[],
        )
    return purchase


async def _of_store(db: AsyncSession, who: Principal, verb: str, purchase_id: UUID, store_id: UUID | None) -> Purchase:
    purchase = await locked(db, Purchase, purchase_id)
    if store_id is not None and store_id != purchase.store_id:
        raise NotFound()
    who.must(verb, organization=purchase.store_id)
    return purchase


async def refuse_purchase(db: AsyncSession, who: Principal, purchase_id: UUID, body: PurchaseRefuse) -> Purchase:
    """The store will not deliver: cancelled, with every refund."""
    purchase = await _of_store(db, who, "purchases.refuse", purchase_id, body.store_id)
    await call_off(db, purchase, "refuse", "store_refused")
    return purchase


async def cancel_purchase(db: AsyncSession, who: Principal, purchase_id: UUID, body: PurchaseCancel) -> Purchase:
    """Cancelled, also after it was sent or confirmed, with every refund."""
    purchase = await locked(db, Purchase, purchase_id)
    who.must("purchases.cancel", on=purchase.area)
    await call_off(db, purchase, "cancel", body.reason_code)
    return purchase


async def call_off(db: AsyncSession, purchase: Purchase, action: domain.Ending, reason: str) -> None:
    """Cancels under lock; rounds, orders and refunds follow by a timer right after."""
    now = transaction_time(db)
    if happened := domain.cancel(purchase, action, reason, now):
        await _record(db, purchase, happened)
        await schedule(db, "purchases.unwind", purchase.id, now)
