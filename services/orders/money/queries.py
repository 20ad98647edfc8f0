"""Money for lists and statements."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders.intake.tables import Order, OrderMoney
from services.orders.money import schemas
from services.orders.money.domain import Balance
from services.orders.money.tables import Journal, Payment, Posting, Refund, Remittance
from shared.areas import within
from shared.keys import DataClass
from shared.masks import mask_name, mask_text
from shared.money import Money
from shared.pagination import Paging, paginate
from shared.privacy import Sealed, Vault
from shared.problems import NotFound

STATEMENT_ORDERS = 200


async def payments_public(vault: Vault, rows: Sequence[Payment]) -> list[schemas.PaymentPublic]:
    """Payments with masked payer and memo; all sealed fields are opened in one go."""
    sealed = [
        (row.id, field, value) for row in rows for field, value in (("payer", row.payer), ("memo", row.memo)) if value
    ]
    opened = await vault.open_many([Sealed(v, id, DataClass.TRADE, field) for id, field, v in sealed])
    texts = {(id, field): text for (id, field, _), text in zip(sealed, opened, strict=True) if text}
    return [_payment(row, texts.get((row.id, "payer")), texts.get((row.id, "memo"))) for row in rows]


def _payment(row: Payment, payer: str | None, memo: str | None) -> schemas.PaymentPublic:
    shown = {"payer": payer and mask_name(payer), "memo": memo and mask_text(memo)}
    return schemas.PaymentPublic.model_validate(
        row.model_dump(exclude={"payer", "memo", "amount_fen", "reason"})
        | shown
        | {
            "amount": Money.of(row.amount_fen),
            "reason_code": row.reason,
            "masked": [field for field, text in shown.items() if text],
        }
    )


def remittance_public(row: Remittance) -> schemas.RemittancePublic:
    return schemas.RemittancePublic.model_validate(row.model_dump() | {"amount": Money.of(row.amount_fen)})


def refund_public(row: Refund) -> schemas.RefundPublic:
    return schemas.RefundPublic.model_validate(
        row.model_dump() | {"amount": Money.of(row.amount_fen), "reason_code": row.reason}
    )


async def postings(
    db: AsyncSession, paging: Paging, order_id: UUID | None, purchase_id: UUID | None, account: str | None
) -> tuple[list[schemas.PostingPublic], str | None]:
    """Postings in the order they were made."""
    query = select(Posting).join(Journal, col(Journal.id) == Posting.journal_id)
    for column, wanted in (
        (col(Journal.order_id), order_id),
        (col(Journal.purchase_id), purchase_id),
        (col(Posting.account), account),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    rows, cursor = await paginate(db, query, [Posting.id], paging)
    ids = {row.journal_id for row in rows}
    journals = {j.id: j for j in (await db.execute(select(Journal).where(col(Journal.id).in_(ids)))).scalars()}
    return [_posting(row, journals[row.journal_id]) for row in rows], cursor


def _posting(row: Posting, journal: Journal) -> schemas.PostingPublic:
    return schemas.PostingPublic.model_validate(
        journal.model_dump()
        | {"id": row.id, "journal_id": journal.id, "account": row.account, "amount": Money.of(row.amount_fen)}
    )


async def statements(db: AsyncSession, household_ids: Sequence[UUID]) -> list[schemas.StatementPublic]:
    """What each household owes and gets back; only orders that the caller may see count."""
    query = (
        select(Order, OrderMoney)
        .join(OrderMoney, col(OrderMoney.order_id) == col(Order.id))
        .where(col(Order.household_id).in_(household_ids))
        .order_by(col(Order.placed_at).desc())
        .limit(STATEMENT_ORDERS * len(household_ids))
    )
    found: dict[UUID, list[Any]] = {}
    for order, money in (await db.execute(query)).all():
        found.setdefault(order.household_id, []).append((order, money))
    return [_statement(id, found[id][:STATEMENT_ORDERS]) for id in household_ids if id in found]


async def statement(db: AsyncSession, household_id: UUID) -> schemas.StatementPublic:
    """Raises NotFound for a household without an order that the caller may see."""
    found = await statements(db, [household_id])
    if not found:
        raise NotFound()
    return found[0]


def _statement(household_id: UUID, rows: Sequence[Any]) -> schemas.StatementPublic:
    orders = [_statement_order(order, money) for order, money in rows]
    return schemas.StatementPublic(
        household_id=household_id,
        orders=orders,
        outstanding=Money.of(sum(o.outstanding.amount_fen for o in orders)),
        refund_due=Money.of(sum(o.refund_due.amount_fen for o in orders)),
    )


def _statement_order(order: Order, money: OrderMoney) -> schemas.StatementOrder:
    balance = Balance(money.owed_fen, money.collected_fen, money.remitted_fen, money.refund_due_fen, money.refunded_fen)
    return schemas.StatementOrder(
        order_id=order.id,
        memo=order.code,
        state=order.state,
        placed_at=order.placed_at,
        owed=Money.of(balance.owed),
        collected=Money.of(balance.collected),
        outstanding=Money.of(balance.outstanding),
        refund_due=Money.of(balance.refund_due),
        refunded=Money.of(balance.refunded),
    )


async def households_with_orders(db: AsyncSession, paging: Paging, area: str | None) -> tuple[list[UUID], str | None]:
    """Households that have an order the caller may see, by id."""
    query = select(col(Order.household_id)).distinct()
    if area is not None:
        query = query.where(within(col(Order.area), [area]))
    if (after := paging.after()) is not None:
        query = query.where(col(Order.household_id) > after[0])
    ids = list((await db.execute(query.order_by(col(Order.household_id)).limit(paging.limit + 1))).scalars())
    if len(ids) <= paging.limit:
        return ids, None
    return ids[: paging.limit], paging.cursor([ids[paging.limit - 1]])
