"""Payments, remittances, refunds, postings, statements."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders.money import queries, schemas, use_cases
from services.orders.money.tables import Payment, Refund, Remittance
from services.orders.money.uploads import KIND
from services.orders.rounds.tables import Round
from shared.answers import Answers
from shared.areas import AreaPath, within
from shared.auth import Principal
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.jobs import Job, OperationPublic, accepted, start_job
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, ResourcesOf, Transition

payments = APIRouter(prefix="/v1/payments", tags=["payments"])
remittances = APIRouter(prefix="/v1/remittances", tags=["remittances"])
refunds = APIRouter(prefix="/v1/refunds", tags=["refunds"])
postings = APIRouter(prefix="/v1/postings", tags=["postings"])
statements = APIRouter(prefix="/v1/statements", tags=["statements"])
routers = (payments, remittances, refunds, postings, statements)


@payments.get("", operation_id="payments_list")
async def list_payments(
    db: Db,
    who: Caller,
    resources: ResourcesOf,
    paging: PagingParams,
    order_id: UUID | None = None,
    state: Annotated[list[schemas.PaymentState] | None, Query()] = None,
    area: AreaPath | None = None,
) -> schemas.PaymentPage:
    """Payments within the caller's reach, oldest first; ``state=unmatched`` is the queue of what must be asked."""
    query = select(Payment)
    if order_id is not None:
        query = query.where(col(Payment.order_id) == order_id)
    if state:
        query = query.where(col(Payment.state).in_(state))
    if area is not None:
        query = query.where(within(col(Payment.area), [area]))
    rows, cursor = await paginate(db, query, [Payment.id], paging)
    return schemas.PaymentPage(items=await queries.payments_public(resources.vault, rows), next_cursor=cursor)


@payments.post("", operation_id="payments_create", status_code=201)
async def create_payment(
    body: schemas.PaymentCreate, once: OnceKey, answer: Answers, resources: ResourcesOf
) -> schemas.PaymentPublic:
    """Money taken for an order by a building head or worker."""
    row = answer.created(await once(use_cases.collect, resources.vault, body))
    return (await queries.payments_public(resources.vault, [row]))[0]


@payments.post("/upload", operation_id="payments_upload", status_code=202)
async def upload_payments(
    request: Request,
    response: Response,
    once: OnceKey,
    resources: ResourcesOf,
    file: Annotated[UploadFile, File(description="CSV or XLSX: reference, amount, memo, payer, paid_at.")],
    round_id: Annotated[UUID, Form()],
) -> OperationPublic:
    """A list of transfers of one round: code and amount match, all else is asked."""
    content = await file.read()
    once.covers(content)

    async def begin(db: AsyncSession, who: Principal) -> Job:
        found = await fetched(db, Round, round_id)
        who.must("payments.upload", on=found.area)
        return await start_job(db, who, resources.vault, KIND, found.area, content, round_id=str(round_id))

    return accepted(request, response, await once(begin), "orders")


@payments.get("/{payment_id}", operation_id="payments_get")
async def get_payment(payment_id: UUID, answer: Answers, db: Db, resources: ResourcesOf) -> schemas.PaymentPublic:
    """One payment, payer and memo masked."""
    row = answer.one(await fetched(db, Payment, payment_id))
    return (await queries.payments_public(resources.vault, [row]))[0]


@payments.post("/{payment_id}/match", operation_id="payments_match")
async def match(
    payment_id: UUID, body: schemas.PaymentMatch, once: OnceKey, answer: Answers, resources: ResourcesOf
) -> schemas.PaymentPublic:
    """A person says which order a transfer was for."""
    row = answer.one(await once(use_cases.match, payment_id, body.order_id))
    return (await queries.payments_public(resources.vault, [row]))[0]


@payments.post("/{payment_id}/void", operation_id="payments_void")
async def void(
    payment_id: UUID, body: schemas.PaymentVoid, once: OnceKey, answer: Answers, resources: ResourcesOf
) -> schemas.PaymentPublic:
    """A collection was a mistake; refused once the money has gone on."""
    row = answer.one(await once(use_cases.void, payment_id, body.reason_code))
    return (await queries.payments_public(resources.vault, [row]))[0]


@remittances.get("", operation_id="remittances_list")
async def list_remittances(
    db: Db, who: Caller, paging: PagingParams, purchase_id: UUID | None = None
) -> schemas.RemittancePage:
    """What stores were paid."""
    query = select(Remittance)
    if purchase_id is not None:
        query = query.where(col(Remittance.purchase_id) == purchase_id)
    rows, cursor = await paginate(db, query, [Remittance.id], paging)
    return schemas.RemittancePage(items=[queries.remittance_public(row) for row in rows], next_cursor=cursor)


@remittances.post("", operation_id="remittances_create", status_code=201)
async def create_remittance(body: schemas.RemittanceCreate, once: OnceKey, answer: Answers) -> schemas.RemittancePublic:
    """Pays the store what its purchase's orders have paid and keep."""
    return queries.remittance_public(answer.created(await once(use_cases.remit, body)))


@remittances.get("/{remittance_id}", operation_id="remittances_get")
async def get_remittance(remittance_id: UUID, answer: Answers, db: Db) -> schemas.RemittancePublic:
    """One remittance."""
    return queries.remittance_public(answer.one(await fetched(db, Remittance, remittance_id)))


@refunds.get("", operation_id="refunds_list")
async def list_refunds(
    db: Db,
    who: Caller,
    paging: PagingParams,
    order_id: UUID | None = None,
    state: Annotated[list[schemas.RefundState] | None, Query()] = None,
    area: AreaPath | None = None,
) -> schemas.RefundPage:
    """Refunds within the caller's reach, oldest first."""
    query = select(Refund)
    if order_id is not None:
        query = query.where(col(Refund.order_id) == order_id)
    if state:
        query = query.where(col(Refund.state).in_(state))
    if area is not None:
        query = query.where(within(col(Refund.area), [area]))
    rows, cursor = await paginate(db, query, [Refund.id], paging)
    return schemas.RefundPage(items=[queries.refund_public(row) for row in rows], next_cursor=cursor)


@refunds.post("", operation_id="refunds_create", status_code=201)
async def create_refund(body: schemas.RefundCreate, once: OnceKey, answer: Answers) -> schemas.RefundPublic:
    """Gives a household a part of what it paid back, and names who pays for it."""
    return queries.refund_public(answer.created(await once(use_cases.refund, body)))


@refunds.get("/{refund_id}", operation_id="refunds_get")
async def get_refund(refund_id: UUID, answer: Answers, db: Db) -> schemas.RefundPublic:
    """One refund."""
    return queries.refund_public(answer.one(await fetched(db, Refund, refund_id)))


@refunds.post("/{refund_id}/approve", operation_id="refunds_approve")
async def approve(refund_id: UUID, body: Transition, once: OnceKey, answer: Answers) -> schemas.RefundPublic:
    """The street agrees."""
    return queries.refund_public(answer.one(await once(use_cases.approve_refund, refund_id)))


@refunds.post("/{refund_id}/pay", operation_id="refunds_pay")
async def pay(refund_id: UUID, body: Transition, once: OnceKey, answer: Answers) -> schemas.RefundPublic:
    """The household has its money back."""
    return queries.refund_public(answer.one(await once(use_cases.pay_refund, refund_id)))


@postings.get("", operation_id="postings_list")
async def list_postings(
    db: Db,
    who: Caller,
    paging: PagingParams,
    order_id: UUID | None = None,
    purchase_id: UUID | None = None,
    account: Annotated[str | None, Query(pattern="^[a-z_]{1,30}$")] = None,
) -> schemas.PostingPage:
    """The double-entry book, append-only, in the order of posting."""
    items, cursor = await queries.postings(db, paging, order_id, purchase_id, account)
    return schemas.PostingPage(items=items, next_cursor=cursor)


@statements.get("", operation_id="statements_list")
async def list_statements(
    response: Response, db: Db, who: Caller, paging: PagingParams, area: AreaPath | None = None
) -> schemas.StatementPage:
    """Statements of the households within the caller's reach that have ordered."""
    response.headers["Cache-Control"] = "no-store"
    ids, cursor = await queries.households_with_orders(db, paging, area)
    return schemas.StatementPage(items=await queries.statements(db, ids), next_cursor=cursor)


@statements.get("/{household_id}", operation_id="statements_get")
async def get_statement(household_id: UUID, response: Response, db: Db, who: Caller) -> schemas.StatementPublic:
    """What a household owes, with which memo, and what it gets back."""
    response.headers["Cache-Control"] = "no-store"
    return await queries.statement(db, household_id)
