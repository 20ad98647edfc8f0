"""The queue of calls to households."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlmodel import col

from services.orders.callbacks import schemas, use_cases
from services.orders.callbacks.tables import Callback
from shared.answers import Answers
from shared.areas import AreaPath, within
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, Transition

router = APIRouter(prefix="/v1/callbacks", tags=["callbacks"])


@router.get("", operation_id="callbacks_list")
async def list_callbacks(
    db: Db,
    who: Caller,
    paging: PagingParams,
    state: Annotated[list[schemas.State] | None, Query()] = None,
    order_id: Annotated[list[UUID] | None, Query()] = None,
    household_id: Annotated[list[UUID] | None, Query()] = None,
    area: Annotated[list[AreaPath] | None, Query(description="This place and all below it.")] = None,
) -> schemas.CallbackPage:
    """Calls to make within one's area, the most urgent first."""
    query = select(Callback)
    for column, wanted in (
        (Callback.state, state),
        (Callback.order_id, order_id),
        (Callback.household_id, household_id),
    ):
        if wanted:
            query = query.where(col(column).in_(wanted))
    if area:
        query = query.where(within(col(Callback.area), area))
    rows, cursor = await paginate(db, query, [Callback.due_at, Callback.id], paging)
    return schemas.CallbackPage(items=[schemas.CallbackPublic.model_validate(row) for row in rows], next_cursor=cursor)


@router.get("/{callback_id}", operation_id="callbacks_get", response_model=schemas.CallbackPublic)
async def get_callback(callback_id: UUID, answer: Answers, db: Db) -> Callback:
    """One call."""
    return answer.one(await fetched(db, Callback, callback_id))


@router.post("/{callback_id}/claim", operation_id="callbacks_claim", response_model=schemas.CallbackPublic)
async def claim(callback_id: UUID, body: Transition, once: OnceKey, answer: Answers) -> Callback:
    """Say that you make this call."""
    return answer.one(await once(use_cases.claim, callback_id))


@router.post("/{callback_id}/resolve", operation_id="callbacks_resolve", response_model=schemas.CallbackPublic)
async def resolve(callback_id: UUID, body: schemas.CallbackResolve, once: OnceKey, answer: Answers) -> Callback:
    """Say how the call ended: a swap and a refund change the order's line."""
    return answer.one(await once(use_cases.resolve, callback_id, body))
