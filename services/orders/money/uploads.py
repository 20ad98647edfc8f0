"""A bank's or chat app's list of transfers: what is certain is matched, the rest is asked.

A transfer's memo is the order's code. It is matched when the code names an order of the round and the amount is just
what that order owes; anything else waits as ``unmatched`` for a person. A reference that is known already is skipped,
so the grown list can be uploaded again.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders.intake.tables import Order
from services.orders.money import domain, ledger
from services.orders.money.messages import payment_event
from services.orders.money.tables import Payment
from shared.bus.outbox import record_many
from shared.contracts import orders as contracts
from shared.database import insert_rows, transaction_time
from shared.ids import new_id
from shared.jobs import Checked, Job, JobKind, Progress, RowError, content_of
from shared.keys import DataClass
from shared.money import fen_from_yuan
from shared.privacy import Plain, Vault
from shared.tabular import Column, Row, read_table

KIND = "payments.upload"
SHANGHAI = ZoneInfo("Asia/Shanghai")
COLUMNS = (
    Column("reference", ("reference", "流水号", "交易单号")),
    Column("amount", ("amount", "金额", "金额(元)")),
    Column("memo", ("memo", "备注", "附言"), required=False),
    Column("payer", ("payer", "付款人", "对方"), required=False),
    Column("paid_at", ("paid_at", "时间", "交易时间"), required=False),
)


@dataclass(frozen=True)
class Transfer:
    reference: str
    amount_fen: int
    memo: str
    payer: str
    paid_at: datetime | None


def _read(row: Row) -> Transfer:
    """Raises ValueError with ``Chinese|English`` for a bad amount or time."""
    if not row.values["reference"]:
        raise ValueError("缺少流水号|The reference is missing")
    amount = fen_from_yuan(row.values["amount"])
    if amount <= 0:
        raise ValueError("金额须大于零|The amount must be above zero")
    return Transfer(
        row.values["reference"],
        amount,
        row.values.get("memo") or "",
        row.values.get("payer") or "",
        _time(row.values.get("paid_at")),
    )


def _time(value: str | None) -> datetime | None:
    if not value:
        return None
    try:
        read = datetime.fromisoformat(value.replace("/", "-"))
    except ValueError as error:
        raise ValueError("时间格式应为 2020-02-17 18:30:00|Write the time as 2020-02-17 18:30:00") from error
    return read if read.tzinfo else read.replace(tzinfo=SHANGHAI)


async def check(resources: Any, job: Job, content: bytes, progress: Progress) -> Checked:
    """Reads the whole list; nothing is staged, since applying reads the same bytes again."""
    checked = Checked()
    seen: set[str] = set()
    for row in read_table(io.BytesIO(content), COLUMNS).rows:
        checked.total += 1
        checked.add(_wrong(row, seen))
    await progress(checked.total)
    return checked


def _wrong(row: Row, seen: set[str]) -> list[RowError]:
    errors = [
        RowError(row.number, problem.pointer.rpartition("/")[2], problem.code, problem.detail)
        for problem in row.problems
    ]
    try:
        reference = _read(row).reference
        if reference in seen:
            raise ValueError("流水号在文件中重复|The reference stands twice in the file")
        seen.add(reference)
    except ValueError as error:
        zh, _, en = str(error).partition("|")
        errors.append(RowError(row.number, "", getattr(error, "code", "invalid"), (zh, en)))
    return errors


async def apply(db: AsyncSession, resources: Any, job: Job) -> dict[str, int]:
    """Makes a payment of every transfer that is new, matched or not."""
    content = await content_of(job, resources.vault)
    transfers = [_read(row) for row in read_table(io.BytesIO(content), COLUMNS).rows]
    known = await _known(db, job.area, [t.reference for t in transfers])
    fresh = [t for t in transfers if t.reference not in known]
    round_id = UUID(job.parameters["round_id"])
    orders = await _orders(db, round_id, {t.memo for t in fresh})
    found = await ledger.accounts(db, [order.id for order in orders.values()])
    payments, entries = [], []
    for transfer in fresh:
        payment = _payment(db, job, transfer)
        entries.append(domain.collect_unmatched(job.area, transfer.amount_fen, payment.id))
        order = orders.get(_code(transfer.memo))
        if order is not None and found[order.id].balance.outstanding == transfer.amount_fen:
            _match(payment, order)
            account = found[order.id]
            entries += domain.match(account.order, account.balance, transfer.amount_fen, payment.id)
        payments.append(payment)
    await _seal(resources.vault, payments, fresh)
    await insert_rows(db, Payment, [payment.model_dump() for payment in payments])
    await ledger.write(db, found.values(), entries, job.created_by)
    await record_many(db, contracts.PAYMENT, "payment.created", [payment_event(payment) for payment in payments])
    matched = sum(payment.state == "matched" for payment in payments)
    return {"matched": matched, "unmatched": len(payments) - matched, "known_already": len(transfers) - len(fresh)}


async def discard(db: AsyncSession, job_id: UUID) -> None:
    """Nothing was staged."""


def _code(memo: str) -> str:
    return "".join(character for character in memo if character.isdecimal())


async def _known(db: AsyncSession, area: str, references: Sequence[str]) -> set[str]:
    rows = await db.execute(
        text("SELECT external_ref FROM payments WHERE area = :area AND external_ref = ANY(:references)"),
        {"area": area, "references": list(references)},
    )
    return set(rows.scalars())


async def _orders(db: AsyncSession, round_id: UUID, memos: set[str]) -> dict[str, Order]:
    codes = {code for memo in memos if (code := _code(memo))}
    query = select(Order).where(col(Order.round_id) == round_id, col(Order.code).in_(codes))
    return {order.code: order for order in (await db.execute(query)).scalars()}


def _payment(db: AsyncSession, job: Job, transfer: Transfer) -> Payment:
    return Payment(
        id=new_id(),
        version=1,
        area=job.area,
        method="transfer",
        amount_fen=transfer.amount_fen,
        external_ref=transfer.reference,
        state="unmatched",
        collected_by=job.created_by,
        paid_at=transfer.paid_at,
        created_at=transaction_time(db),
    )


def _match(payment: Payment, order: Order) -> None:
    payment.state, payment.order_id, payment.household_id = "matched", order.id, order.household_id
    payment.matched_at = payment.created_at


async def _seal(vault: Vault, payments: Sequence[Payment], transfers: Sequence[Transfer]) -> None:
    places = [
        (payment, field, value)
        for payment, transfer in zip(payments, transfers, strict=True)
        for field, value in (("payer", transfer.payer), ("memo", transfer.memo))
        if value
    ]
    sealed = await vault.seal_many([Plain(value, p.id, DataClass.TRADE, field) for p, field, value in places])
    for (payment, field, _), value in zip(places, sealed, strict=True):
        setattr(payment, field, value)


PAYMENTS_UPLOAD = JobKind(check, apply, discard)
