"""Reads of orders and quotas."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders import copies
from services.orders.intake.domain import ORDER, no_household
from services.orders.intake.judge import PlacedOrder
from services.orders.intake.schemas import OrderLinePublic, OrderPublic, OrderSummary, Quota
from services.orders.intake.tables import Order, OrderLine, OrderMoney
from services.orders.intake.use_cases import channel_of
from services.orders.rounds.tables import Round
from shared.areas import within
from shared.auth import Principal
from shared.database import fetched, transaction_time
from shared.money import Money
from shared.pagination import Paging


def listing(
    areas: Sequence[str],
    ids: Mapping[str, Sequence[UUID]],
    values: Mapping[str, Sequence[str]],
    placed_from: datetime | None,
    placed_before: datetime | None,
) -> Select[Order]:
    """``ids`` and ``values``: column → wanted, empty for any."""
    query = select(Order)
    if areas:
        query = query.where(within(col(Order.area), areas))
    for name, wanted in (*ids.items(), *values.items()):
        if wanted:
            query = query.where(col(getattr(Order, name)).in_(wanted))
    if placed_from:
        query = query.where(col(Order.placed_at) >= placed_from)
    if placed_before:
        query = query.where(col(Order.placed_at) < placed_before)
    return query


def line_public(line: OrderLine) -> OrderLinePublic:
    fields = line.model_dump(exclude={"unit_price_fen", "charged_fen"})
    return OrderLinePublic(**fields, unit_price=Money.of(line.unit_price_fen), charged=Money.of(line.charged_fen))


async def lines_of(db: AsyncSession, order_ids: Sequence[UUID]) -> dict[UUID, list[OrderLinePublic]]:
    query = select(OrderLine).where(col(OrderLine.order_id).in_(order_ids)).order_by(col(OrderLine.id))
    found: dict[UUID, list[OrderLinePublic]] = defaultdict(list)
    for line in (await db.execute(query.execution_options(populate_existing=True))).scalars():
        found[line.order_id].append(line_public(line))
    return found


async def summaries(db: AsyncSession, orders: Sequence[Order], with_lines: bool) -> list[OrderSummary]:
    shown = [OrderSummary.model_validate(order.model_dump()) for order in orders]
    if with_lines:
        lines = await lines_of(db, [order.id for order in orders])
        for summary in shown:
            summary.lines = lines[summary.id]
    return shown


async def shown(db: AsyncSession, order: Order, expand: Sequence[str] = ()) -> OrderPublic:
    money = await db.get(OrderMoney, order.id, populate_existing=True)
    assert money is not None
    return OrderPublic(
        **order.model_dump(),
        lines=(await lines_of(db, [order.id]))[order.id],
        owed=Money.of(money.owed_fen),
        collected=Money.of(money.collected_fen),
        remitted=Money.of(money.remitted_fen),
        refund_due=Money.of(money.refund_due_fen),
        refunded=Money.of(money.refunded_fen),
        allowed_actions=ORDER.allowed(order.state) if "allowed_actions" in expand else None,
    )


def placed(order: PlacedOrder) -> OrderPublic:
    """The answer for an order that was just placed, without reading it again."""
    nothing = Money.of(0)
    fields: dict[str, Any] = {name: getattr(order, name) for name in _SAME}
    return OrderPublic(
        **fields,
        version=1,
        state="placed",
        reason=None,
        amended_at=None,
        locked_at=None,
        fulfilled_at=None,
        cancelled_at=None,
        lines=[
            OrderLinePublic(
                id=line.id,
                item_id=line.item_id,
                requested=line.requested,
                confirmed=None,
                allocated=None,
                received=None,
                picked=None,
                handed_over=None,
                refunded=0,
                unit_price=Money.of(line.unit_price_fen),
                charged=Money.of(line.charged_fen),
                substitution=line.substitution,
                swap_item_id=line.swap_item_id,
                substitute_for=None,
            )
            for line in order.lines
        ],
        owed=Money.of(order.owed_fen),
        collected=nothing,
        remitted=nothing,
        refund_due=nothing,
        refunded=nothing,
    )


_SAME = (
    *("id", "area", "community_area", "code", "round_id", "purchase_id", "household_id", "buyer_id", "placed_by"),
    *("channel", "consent_id", "handover", "taken_at", "placed_at"),
)

_QUOTAS = text(
    "SELECT i.item_id, i.ration AS ceiling, coalesce(q.used, 0) AS used FROM purchase_items i"
    " LEFT JOIN quota_uses q ON q.round_id = :round AND q.household_id = :household AND q.item_id = i.item_id"
    " WHERE i.purchase_id = :purchase AND i.ration IS NOT NULL AND i.item_id > CAST(:after AS uuid)"
    " ORDER BY i.item_id LIMIT :limit"
)


async def quotas(
    db: AsyncSession, who: Principal, round_id: UUID, household_id: UUID, paging: Paging
) -> tuple[list[Quota], str | None]:
    """What the household may still order of each rationed item. Raises NotFound or Forbidden outside one's reach."""
    household = await copies.household(db, household_id)
    if household is None:
        raise no_household()
    await channel_of(db, who, household_id, household["area"], transaction_time(db))
    round = await fetched(db, Round, round_id)
    after = paging.after()
    home = UUID(household["id"])
    rows = await db.execute(
        _QUOTAS,
        {
            "round": round_id,
            "household": home,
            "purchase": round.purchase_id,
            "after": after[0] if after else UUID(int=0),
            "limit": paging.limit + 1,
        },
    )
    found = [
        Quota(
            round_id=round_id,
            household_id=home,
            item_id=row.item_id,
            ceiling=row.ceiling,
            used=row.used,
            left=max(0, row.ceiling - row.used),
        )
        for row in rows
    ]
    page = found[: paging.limit]
    return page, paging.cursor([page[-1].item_id]) if len(found) > paging.limit else None
