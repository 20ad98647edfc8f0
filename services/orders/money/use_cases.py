"""Collect, match, void, remit, refund: one function per verb; the ledger writes both sides."""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders.intake.tables import Order as OrderRow
from services.orders.money import domain, ledger, schemas
from services.orders.money.domain import Balance, Entry, Order
from services.orders.money.messages import payment_event, refund_event, remittance_event
from services.orders.money.settlement import complete_if_settled
from services.orders.money.tables import Payment, Refund, Remittance
from services.orders.purchasing.tables import Purchase
from shared.answers import same_or_conflict
from shared.auth import Principal
from shared.bus.outbox import record
from shared.contracts import orders as contracts
from shared.database import fetched, locked, transaction_time
from shared.ids import new_id
from shared.keys import DataClass
from shared.money import display
from shared.privacy import Vault
from shared.problems import Conflict, Invalid, NotFound, invalid


def _too_much(outstanding: int) -> Invalid:
    return invalid(
        "/amount",
        "too_large",
        f"该订单只欠 {display(outstanding)}。",
        f"The order owes only {display(outstanding)}; take that, or match the rest to another order.",
        max=outstanding,
    )


async def _order(db: AsyncSession, order_id: UUID) -> OrderRow:
    found = await db.get(OrderRow, order_id)
    if found is None:
        raise invalid("/order_id", "unknown", "没有找到该订单。", "There is no such order within your reach.")
    return found


Rule = Callable[[Order, Balance, int, UUID], list[Entry]]


async def collect(db: AsyncSession, who: Principal, vault: Vault, body: schemas.PaymentCreate) -> Payment:
    """A building head or worker takes money for an order. Raises Invalid when it is more than the order owes."""
    if body.id is not None and (existing := await db.get(Payment, body.id)) is not None:
        return same_or_conflict(existing, {"order_id": body.order_id, "amount_fen": body.amount.amount_fen})
    order = await _order(db, body.order_id)
    who.must("payments.create", on=order.area)
    payment = Payment(
        id=body.id or new_id(),
        version=1,
        area=order.area,
        order_id=order.id,
        household_id=order.household_id,
        method=body.method,
        amount_fen=body.amount.amount_fen,
        state="collected",
        collected_by=who.id,
        paid_at=body.paid_at or transaction_time(db),
        created_at=transaction_time(db),
    )
    if body.payer:
        payment.payer = await vault.seal(body.payer, payment.id, DataClass.TRADE, "payer")
    await _receive(db, payment, domain.collect, who.id)
    db.add(payment)
    record(db, contracts.PAYMENT, "payment.created", payment_event(payment, order.purchase_id))
    return payment


async def _receive(db: AsyncSession, payment: Payment, rule: Rule, by: UUID) -> None:
    def act(order: Order, balance: Balance) -> list[Entry]:
        if payment.amount_fen > balance.outstanding:
            raise _too_much(balance.outstanding)
        return rule(order, balance, payment.amount_fen, payment.id)

    assert payment.order_id is not None
    await ledger.change(db, payment.order_id, act, by)


async def match(db: AsyncSession, who: Principal, payment_id: UUID, order_id: UUID) -> Payment:
    """Says which order a transfer was for."""
    payment = await locked(db, Payment, payment_id)
    who.must("payments.match", on=payment.area)
    state = domain.PAYMENT.step(payment.state, "match")
    if state == payment.state and payment.order_id == order_id:
        return payment
    if state == payment.state:
        raise Conflict(
            ("该款项已匹配其他订单。", "It is matched to another order already; void it first."), code="duplicate"
        )
    order = await _order(db, order_id)
    who.must("payments.match", on=order.area)
    payment.state, payment.order_id, payment.household_id = state, order.id, order.household_id
    payment.matched_at, payment.version = transaction_time(db), payment.version + 1
    await _receive(db, payment, domain.match, who.id)
    record(db, contracts.PAYMENT, "payment.matched", payment_event(payment, order.purchase_id))
    return payment


async def void(db: AsyncSession, who: Principal, payment_id: UUID, reason_code: str) -> Payment:
    """Takes a collection back that was a mistake; its money must not have gone on."""
    payment = await locked(db, Payment, payment_id)
    who.must("payments.void", on=payment.area)
    state = domain.PAYMENT.step(payment.state, "void")
    if state == payment.state:
        return payment
    if payment.order_id is None:
        await ledger.post(db, [domain.void_unmatched(payment.area, payment.amount_fen, payment.id)], who.id)
    else:
        await ledger.change(db, payment.order_id, lambda o, b: _voided(o, b, payment), who.id)
    payment.state, payment.reason, payment.version = state, reason_code, payment.version + 1
    record(db, contracts.PAYMENT, "payment.voided", payment_event(payment))
    return payment


def _voided(order: Order, balance: Balance, payment: Payment) -> list[Entry]:
    try:
        return domain.void(order, balance, payment.amount_fen, payment.id)
    except ValueError as error:
        raise Conflict(
            (
                "该款项已汇出或已退款, 请改为办理退款。",
                "The money has been remitted or refunded; make a refund instead.",
            ),
            code="limit_reached",
        ) from error


async def remit(db: AsyncSession, who: Principal, body: schemas.RemittanceCreate) -> Remittance:
    """The store gets what its purchase's orders have paid and keep. Raises Conflict when that is nothing."""
    if body.id is not None and (existing := await db.get(Remittance, body.id)) is not None:
        return same_or_conflict(existing, {"purchase_id": body.purchase_id})
    purchase = await locked(db, Purchase, body.purchase_id)
    who.must("remittances.create", on=purchase.area)
    order_ids = (await db.execute(select(col(OrderRow.id)).where(col(OrderRow.purchase_id) == purchase.id))).scalars()
    found = await ledger.accounts(db, order_ids)
    remittance_id = body.id or new_id()
    entries = [entry for a in found.values() for entry in domain.remit(a.order, a.balance, remittance_id)]
    amount = -sum(entry.postings[domain.HELD] for entry in entries)
    _check_amount(amount, body)
    remittance = Remittance(
        id=remittance_id,
        version=1,
        area=purchase.area,
        purchase_id=purchase.id,
        store_id=purchase.store_id,
        amount_fen=amount,
        reference=body.reference,
        remitted_by=who.id,
        created_at=transaction_time(db),
    )
    db.add(remittance)
    await ledger.write(db, found.values(), entries, who.id)
    record(db, contracts.PAYMENT, "remittance.created", remittance_event(remittance))
    await complete_if_settled(db, purchase.id, transaction_time(db))
    return remittance


def _check_amount(amount: int, body: schemas.RemittanceCreate) -> None:
    if amount == 0:
        raise Conflict(
            ("目前没有可汇给商店的款项。", "There is nothing to remit now; collect from the households first."),
            code="limit_reached",
        )
    if body.expected is not None and body.expected.amount_fen != amount:
        raise invalid(
            "/expected",
            "amount_differs",
            f"可汇金额为 {display(amount)}。",
            f"{display(amount)} can be remitted now; check the ledger, then send that.",
            amount_fen=amount,
        )


async def refund(db: AsyncSession, who: Principal, body: schemas.RefundCreate) -> Refund:
    """Gives a household a part of what it paid back. Raises Invalid beyond what it has paid."""
    if body.id is not None and (existing := await db.get(Refund, body.id)) is not None:
        return same_or_conflict(existing, {"order_id": body.order_id, "amount_fen": body.amount.amount_fen})
    order = await _order(db, body.order_id)
    who.must("refunds.create", on=order.area)
    wanted = body.amount.amount_fen
    balance = (await ledger.accounts(db, [order.id]))[order.id].balance
    most = min(balance.owed, balance.collected - balance.refund_due - balance.refunded)
    if not 0 < wanted <= most:
        raise invalid(
            "/amount",
            "too_large",
            f"最多可退 {display(most)}。",
            f"At most {display(most)} has been paid and not given back.",
            max=most,
        )
    reduction = ledger.Reduction(order.id, wanted, body.liable, body.reason_code, refund_id=body.id)
    made = await ledger.reduce_charges(db, [reduction], who.id)
    if not made:
        raise NotFound()
    return await fetched(db, Refund, made[0].id)


async def approve_refund(db: AsyncSession, who: Principal, refund_id: UUID) -> Refund:
    """The street agrees that the refund may be paid."""
    row = await locked(db, Refund, refund_id)
    who.must("refunds.approve", on=row.area)
    if (state := domain.REFUND.step(row.state, "approve")) == row.state:
        return row
    row.state, row.approved_by, row.approved_at = state, who.id, transaction_time(db)
    row.version += 1
    record(db, contracts.PAYMENT, "refund.approved", refund_event(row))
    return row


async def pay_refund(db: AsyncSession, who: Principal, refund_id: UUID) -> Refund:
    """The household has its money back."""
    row = await locked(db, Refund, refund_id)
    who.must("refunds.pay", on=row.area)
    if (state := domain.REFUND.step(row.state, "pay")) == row.state:
        return row
    paid = await ledger.change(db, row.order_id, lambda o, b: domain.pay_refund(o, b, row.amount_fen, row.id), who.id)
    row.state, row.paid_by, row.paid_at = state, who.id, transaction_time(db)
    row.version += 1
    record(db, contracts.PAYMENT, "refund.paid", refund_event(row))
    await complete_if_settled(db, paid.order.purchase_id, transaction_time(db))
    return row
