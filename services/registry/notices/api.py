"""Routes of notices."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlmodel import col

from services.registry.expanding import Expand
from services.registry.notices import use_cases
from services.registry.notices.domain import NOTICE
from services.registry.notices.schemas import NoticeApply, NoticeCreate, NoticePage, NoticePublic
from services.registry.notices.tables import Notice
from shared.answers import Answers
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, Transition

router = APIRouter(prefix="/v1/notices", tags=["notices"])


@router.get("", operation_id="notices_list")
async def list_notices(
    db: Db,
    who: Caller,
    paging: PagingParams,
    state: Annotated[list[Literal["received", "applied", "dismissed"]] | None, Query()] = None,
    message_id: Annotated[list[UUID] | None, Query()] = None,
) -> NoticePage:
    """Notices that touch one's area, the latest first."""
    query = select(Notice)
    if state:
        query = query.where(col(Notice.state).in_(state))
    if message_id:
        query = query.where(col(Notice.message_id).in_(message_id))
    rows, next_cursor = await paginate(db, query, [col(Notice.id)], paging, descending=True)
    return NoticePage(items=[NoticePublic.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.post("", status_code=201, operation_id="notices_create", response_model=NoticePublic)
async def create(body: NoticeCreate, once: OnceKey, answer: Answers) -> Notice:
    """Keep a notice; the gateway calls this for an incoming message, with the message's id as key."""
    return answer.created(await once(use_cases.receive_notice, body))


@router.get("/{notice_id}", operation_id="notices_get")
async def get(notice_id: UUID, db: Db, who: Caller, answer: Answers, expand: Expand = None) -> NoticePublic:
    """One notice."""
    row = await fetched(db, Notice, notice_id)
    if not expand:
        return NoticePublic.model_validate(answer.one(row))
    public = NoticePublic.model_validate(row)
    public.allowed_actions = NOTICE.allowed(row.state)
    return public


@router.post("/{notice_id}/apply", operation_id="notices_apply", response_model=NoticePublic)
async def apply(notice_id: UUID, body: NoticeApply, once: OnceKey, answer: Answers) -> Notice:
    """Open or widen the emergency and declare the place state in one's own part of the notice's areas."""
    return answer.one(await once(use_cases.apply_notice, notice_id, body))


@router.post("/{notice_id}/dismiss", operation_id="notices_dismiss", response_model=NoticePublic)
async def dismiss(notice_id: UUID, body: Transition, once: OnceKey, answer: Answers) -> Notice:
    """Put a notice aside."""
    return answer.one(await once(use_cases.dismiss_notice, notice_id, body))
