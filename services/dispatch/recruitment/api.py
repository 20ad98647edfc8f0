"""Routes of calls for volunteers."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from services.dispatch.recruitment import queries, use_cases
from services.dispatch.recruitment.schemas import (
    CallState,
    RecruitmentCallCancel,
    RecruitmentCallClose,
    RecruitmentCallCreate,
    RecruitmentCallPage,
    RecruitmentCallProgress,
    RecruitmentCallPublic,
    RecruitmentCallSummary,
    RecruitmentCallUpdate,
)
from services.dispatch.recruitment.tables import RecruitmentCall
from services.dispatch.volunteers.profile import Skill
from shared.answers import Answers
from shared.areas import AreaPath
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, IfMatch, Transition

router = APIRouter(prefix="/v1/recruitment-calls", tags=["recruitment_calls"])

Expand = Annotated[list[Literal["allowed_actions"]] | None, Query()]


@router.get("", operation_id="recruitment_calls_list")
async def list_calls(
    db: Db,
    paging: PagingParams,
    area: Annotated[list[AreaPath] | None, Query(description="Calls that concern this place.")] = None,
    state: Annotated[list[CallState] | None, Query()] = None,
    emergency_id: Annotated[list[UUID] | None, Query()] = None,
    skill: Annotated[list[Skill] | None, Query(description="Calls that want any of these.")] = None,
) -> RecruitmentCallPage:
    """Calls, the newest first; drafts only to those in their areas."""
    query = queries.listing(area or [], state or [], emergency_id or [], skill or [])
    rows, cursor = await paginate(db, query, [RecruitmentCall.id], paging, descending=True)
    return RecruitmentCallPage(items=[RecruitmentCallSummary.model_validate(row) for row in rows], next_cursor=cursor)


@router.post("", status_code=201, operation_id="recruitment_calls_create")
async def create(body: RecruitmentCallCreate, once: OnceKey, db: Db, answer: Answers) -> RecruitmentCallPublic:
    """Draft a call."""
    return await queries.shown(db, answer.created(await once(use_cases.create_call, body)))


@router.get("/{recruitment_call_id}", operation_id="recruitment_calls_get")
async def get(recruitment_call_id: UUID, db: Db, answer: Answers, expand: Expand = None) -> RecruitmentCallPublic:
    """One call."""
    call = await fetched(db, RecruitmentCall, recruitment_call_id)
    return await queries.shown(db, call if expand else answer.one(call), expand or ())


@router.patch("/{recruitment_call_id}", operation_id="recruitment_calls_update")
async def update(
    recruitment_call_id: UUID, body: RecruitmentCallUpdate, db: Db, who: Caller, version: IfMatch, answer: Answers
) -> RecruitmentCallPublic:
    """Change a draft; once published, only how many are wanted and until when one can sign up."""
    call = await use_cases.update_call(db, who, recruitment_call_id, body, version)
    return await queries.shown(db, answer.one(call))


@router.post("/{recruitment_call_id}/publish", operation_id="recruitment_calls_publish")
async def publish(
    recruitment_call_id: UUID, body: Transition, once: OnceKey, db: Db, answer: Answers
) -> RecruitmentCallPublic:
    """Open it for sign-up; 422 names every fact that is missing, risks and protection above all."""
    return await queries.shown(db, answer.one(await once(use_cases.publish_call, recruitment_call_id, body)))


@router.post("/{recruitment_call_id}/close", operation_id="recruitment_calls_close")
async def close(
    recruitment_call_id: UUID, body: RecruitmentCallClose, once: OnceKey, db: Db, answer: Answers
) -> RecruitmentCallPublic:
    """Take no more sign-ups; vetting goes on, and the waitlist still moves up."""
    return await queries.shown(db, answer.one(await once(use_cases.close_call, recruitment_call_id, body)))


@router.post("/{recruitment_call_id}/cancel", operation_id="recruitment_calls_cancel")
async def cancel(
    recruitment_call_id: UUID, body: RecruitmentCallCancel, once: OnceKey, db: Db, answer: Answers
) -> RecruitmentCallPublic:
    """Call it off; whoever is not approved yet is refused with the reason call_cancelled."""
    return await queries.shown(db, answer.one(await once(use_cases.cancel_call, recruitment_call_id, body)))


@router.get("/{recruitment_call_id}/progress", operation_id="recruitment_calls_progress")
async def progress(recruitment_call_id: UUID, db: Db) -> RecruitmentCallProgress:
    """Counters of its sign-ups."""
    return await queries.progress(db, recruitment_call_id)
