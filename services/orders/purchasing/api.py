"""Routes of purchases."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.orders.purchasing import queries, use_cases
from services.orders.purchasing.schemas import (
    PurchaseCancel,
    PurchaseConfirm,
    PurchaseCreate,
    PurchaseDemand,
    PurchasePage,
    PurchasePublic,
    PurchaseRefuse,
    PurchaseSummary,
    State,
)
from services.orders.purchasing.tables import Purchase
from shared.answers import Answers
from shared.areas import AreaPath
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Db, Transition

router = APIRouter(prefix="/v1/purchases", tags=["purchases"])

Expand = Annotated[list[Literal["allowed_actions"]] | None, Query()]


@router.get("", operation_id="purchases_list")
async def list_purchases(
    db: Db,
    paging: PagingParams,
    area: Annotated[list[AreaPath] | None, Query(description="Purchases that touch this place.")] = None,
    state: Annotated[list[State] | None, Query()] = None,
    store_id: Annotated[list[UUID] | None, Query()] = None,
    code: Annotated[str | None, Query(pattern="^[0-9]{4,20}$")] = None,
    delivery_on_from: date | None = None,
    delivery_on_before: date | None = None,
) -> PurchasePage:
    """Purchases of one's area or store, the newest first."""
    query = queries.listing(area or [], state or [], store_id or [], code, delivery_on_from, delivery_on_before)
    rows, cursor = await paginate(db, query, [Purchase.id], paging, descending=True)
    return PurchasePage(items=[PurchaseSummary.model_validate(row) for row in rows], next_cursor=cursor)


@router.post("", status_code=201, operation_id="purchases_create")
async def create(body: PurchaseCreate, once: OnceKey, db: Db, answer: Answers) -> PurchasePublic:
    """Open a purchase from a store for a date and some communities; the signed prices are pinned."""
    return await queries.shown(db, answer.created(await once(use_cases.create_purchase, body)))


@router.get("/{purchase_id}", operation_id="purchases_get")
async def get(purchase_id: UUID, db: Db, response: Response, expand: Expand = None) -> PurchasePublic:
    """One purchase with its items. Stock moves without a new version, so there is no ETag."""
    response.headers["Cache-Control"] = "private, no-store"
    return await queries.shown(db, await fetched(db, Purchase, purchase_id), expand or ())


@router.post("/{purchase_id}/send", operation_id="purchases_send")
async def send(purchase_id: UUID, body: Transition, once: OnceKey, db: Db, answer: Answers) -> PurchasePublic:
    """Ask the store now, before ``send_at``."""
    return await queries.shown(db, answer.one(await once(use_cases.send_purchase, purchase_id)))


@router.post("/{purchase_id}/confirm", operation_id="purchases_confirm")
async def confirm(purchase_id: UUID, body: PurchaseConfirm, once: OnceKey, db: Db, answer: Answers) -> PurchasePublic:
    """The store says what it will deliver; what is short is shared out at once."""
    return await queries.shown(db, answer.one(await once(use_cases.confirm_purchase, purchase_id, body)))


@router.post("/{purchase_id}/refuse", operation_id="purchases_refuse")
async def refuse(purchase_id: UUID, body: PurchaseRefuse, once: OnceKey, db: Db, answer: Answers) -> PurchasePublic:
    """The store will not deliver; everything is cancelled and owed back."""
    return await queries.shown(db, answer.one(await once(use_cases.refuse_purchase, purchase_id, body)))


@router.post("/{purchase_id}/resend", operation_id="purchases_resend")
async def resend(purchase_id: UUID, body: Transition, once: OnceKey, db: Db, answer: Answers) -> PurchasePublic:
    """Ask the store again."""
    return await queries.shown(db, answer.one(await once(use_cases.resend_purchase, purchase_id)))


@router.post("/{purchase_id}/cancel", operation_id="purchases_cancel")
async def cancel(purchase_id: UUID, body: PurchaseCancel, once: OnceKey, db: Db, answer: Answers) -> PurchasePublic:
    """Call it off; everything is cancelled and owed back."""
    return await queries.shown(db, answer.one(await once(use_cases.cancel_purchase, purchase_id, body)))


@router.get("/{purchase_id}/demand", operation_id="purchases_demand")
async def demand(purchase_id: UUID, db: Db) -> PurchaseDemand:
    """What is ordered so far, in all and by community."""
    return await queries.demand(db, purchase_id)


@router.get(
    "/{purchase_id}/export",
    operation_id="purchases_export",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The purchase order"}},
)
async def export(purchase_id: UUID, db: Db) -> Response:
    """The purchase order as a CSV file for the store's system, one row per community and item."""
    name, content = await queries.export(db, purchase_id)
    return Response(content, media_type="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'})
