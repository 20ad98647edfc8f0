"""Receipts of goods, and their lots."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlmodel import col

from services.orders.receiving import schemas, use_cases
from services.orders.receiving.queries import compared
from services.orders.receiving.recall import recall_lot
from services.orders.receiving.tables import GoodsReceipt, Lot
from shared.answers import Answers
from shared.areas import AreaPath, within
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, IfMatch, Transition

receipts = APIRouter(prefix="/v1/goods-receipts", tags=["goods_receipts"])
lots = APIRouter(prefix="/v1/lots", tags=["lots"])
routers = (receipts, lots)

Ids = Annotated[list[UUID] | None, Query()]
Areas = Annotated[list[AreaPath] | None, Query(description="This place and all below it.")]


@receipts.get("", operation_id="goods_receipts_list")
async def list_receipts(
    db: Db,
    who: Caller,
    paging: PagingParams,
    purchase_id: Ids = None,
    state: Annotated[list[schemas.State] | None, Query()] = None,
    area: Areas = None,
) -> schemas.GoodsReceiptPage:
    """Receipts at the gates of one's area, or of one's store's goods."""
    query = select(GoodsReceipt)
    if purchase_id:
        query = query.where(col(GoodsReceipt.purchase_id).in_(purchase_id))
    if state:
        query = query.where(col(GoodsReceipt.state).in_(state))
    if area:
        query = query.where(within(col(GoodsReceipt.area), area))
    rows, cursor = await paginate(db, query, [GoodsReceipt.id], paging)
    items = [schemas.GoodsReceiptSummary.model_validate(row) for row in rows]
    return schemas.GoodsReceiptPage(items=items, next_cursor=cursor)


@receipts.post("", status_code=201, operation_id="goods_receipts_create")
async def create(
    body: schemas.GoodsReceiptCreate, once: OnceKey, answer: Answers, db: Db
) -> schemas.GoodsReceiptPublic:
    """The truck is at the gate; lines may be counted now or later."""
    return await compared(db, answer.created(await once(use_cases.create_receipt, body)))


@receipts.get("/{goods_receipt_id}", operation_id="goods_receipts_get")
async def get_receipt(goods_receipt_id: UUID, answer: Answers, db: Db) -> schemas.GoodsReceiptPublic:
    """What came, compared with what was ordered and confirmed."""
    return await compared(db, answer.one(await fetched(db, GoodsReceipt, goods_receipt_id)))


@receipts.patch("/{goods_receipt_id}", operation_id="goods_receipts_update")
async def update(
    goods_receipt_id: UUID, body: schemas.GoodsReceiptUpdate, version: IfMatch, answer: Answers, db: Db, who: Caller
) -> schemas.GoodsReceiptPublic:
    """Change the note or the time of arrival."""
    return await compared(db, answer.one(await use_cases.update_receipt(db, who, goods_receipt_id, body, version)))


@receipts.put("/{goods_receipt_id}/lines", operation_id="goods_receipts_replace_lines")
async def replace_lines(
    goods_receipt_id: UUID, body: schemas.GoodsReceiptLines, version: IfMatch, answer: Answers, db: Db, who: Caller
) -> schemas.GoodsReceiptPublic:
    """Count anew: all lines."""
    return await compared(db, answer.one(await use_cases.replace_lines(db, who, goods_receipt_id, body, version)))


@receipts.post("/{goods_receipt_id}/complete", operation_id="goods_receipts_complete")
async def complete(
    goods_receipt_id: UUID, body: Transition, once: OnceKey, answer: Answers, db: Db
) -> schemas.GoodsReceiptPublic:
    """Everything is counted: what is short is shared out, and bags may be packed within a second."""
    return await compared(db, answer.one(await once(use_cases.complete_receipt, goods_receipt_id)))


@lots.get("", operation_id="lots_list")
async def list_lots(
    db: Db,
    who: Caller,
    paging: PagingParams,
    purchase_id: Ids = None,
    item_id: Ids = None,
    lot_no: Annotated[list[str] | None, Query()] = None,
    recalled: bool | None = None,
) -> schemas.LotPage:
    """Lots of the purchases that one may see."""
    query = select(Lot)
    for column, wanted in ((Lot.purchase_id, purchase_id), (Lot.item_id, item_id), (Lot.lot_no, lot_no)):
        if wanted:
            query = query.where(col(column).in_(wanted))
    if recalled is not None:
        query = query.where(col(Lot.recalled_at).is_not(None) == recalled)
    rows, cursor = await paginate(db, query, [Lot.id], paging)
    return schemas.LotPage(items=[schemas.LotPublic.model_validate(row) for row in rows], next_cursor=cursor)


@lots.get("/{lot_id}", operation_id="lots_get", response_model=schemas.LotPublic)
async def get_lot(lot_id: UUID, answer: Answers, db: Db) -> Lot:
    """One lot."""
    return answer.one(await fetched(db, Lot, lot_id))


@lots.post("/{lot_id}/recall", operation_id="lots_recall", response_model=schemas.LotPublic)
async def recall(lot_id: UUID, body: schemas.LotRecall, once: OnceKey, answer: Answers) -> Lot:
    """Recall a lot: every bag with it is flagged and its household told."""
    return answer.one(await once(recall_lot, lot_id, body))
