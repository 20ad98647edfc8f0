"""Routes of agreements."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel import col

from services.registry.agreements import queries, use_cases
from services.registry.agreements.domain import AGREEMENT
from services.registry.agreements.schemas import AgreementCreate, AgreementPage, AgreementPublic
from services.registry.agreements.tables import Agreement
from services.registry.expanding import Expand
from shared.answers import Answers
from shared.areas import AreaPath
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, Transition

router = APIRouter(prefix="/v1/agreements", tags=["agreements"])

State = Literal["proposed", "active", "declined", "suspended", "ended"]


@router.get("", operation_id="agreements_list")
async def list_agreements(
    db: Db,
    who: Caller,
    paging: PagingParams,
    area: Annotated[list[AreaPath] | None, Query()] = None,
    organization_id: Annotated[list[UUID] | None, Query()] = None,
    state: Annotated[list[State] | None, Query()] = None,
) -> AgreementPage:
    """Agreements of one's areas and organizations, the latest first."""
    query = queries.listing(area or [], organization_id or [], state or [])
    rows, next_cursor = await paginate(db, query, [col(Agreement.id)], paging, descending=True)
    return AgreementPage(items=[AgreementPublic.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.post("", status_code=201, operation_id="agreements_create", response_model=AgreementPublic)
async def create(body: AgreementCreate, once: OnceKey, answer: Answers) -> Agreement:
    """Propose; it opens nothing until the community accepts."""
    return answer.created(await once(use_cases.propose_agreement, body))


@router.get("/{agreement_id}", operation_id="agreements_get")
async def get(agreement_id: UUID, db: Db, who: Caller, answer: Answers, expand: Expand = None) -> AgreementPublic:
    """One agreement."""
    row = await fetched(db, Agreement, agreement_id)
    if not expand:
        return AgreementPublic.model_validate(answer.one(row))
    public = AgreementPublic.model_validate(row)
    public.allowed_actions = AGREEMENT.allowed(row.state)
    return public


@router.post("/{agreement_id}/endorse", operation_id="agreements_endorse", response_model=AgreementPublic)
async def endorse(agreement_id: UUID, body: Transition, once: OnceKey, answer: Answers) -> Agreement:
    """The street recommends it; this opens nothing."""
    return answer.one(await once(use_cases.endorse_agreement, agreement_id))


@router.post("/{agreement_id}/accept", operation_id="agreements_accept", response_model=AgreementPublic)
async def accept(agreement_id: UUID, body: Transition, once: OnceKey, answer: Answers) -> Agreement:
    """The community's own act; nobody above it can do it for them."""
    return answer.one(await once(use_cases.accept_agreement, agreement_id))


@router.post("/{agreement_id}/decline", operation_id="agreements_decline", response_model=AgreementPublic)
async def decline(agreement_id: UUID, body: Transition, once: OnceKey, answer: Answers) -> Agreement:
    """The community's own act."""
    return answer.one(await once(use_cases.decide_agreement, agreement_id, "decline", body))


@router.post("/{agreement_id}/suspend", operation_id="agreements_suspend", response_model=AgreementPublic)
async def suspend(agreement_id: UUID, body: Transition, once: OnceKey, answer: Answers) -> Agreement:
    """The community closes its door for a while."""
    return answer.one(await once(use_cases.decide_agreement, agreement_id, "suspend", body))


@router.post("/{agreement_id}/resume", operation_id="agreements_resume", response_model=AgreementPublic)
async def resume(agreement_id: UUID, body: Transition, once: OnceKey, answer: Answers) -> Agreement:
    """The community opens its door again."""
    return answer.one(await once(use_cases.decide_agreement, agreement_id, "resume", body))


@router.post("/{agreement_id}/end", operation_id="agreements_end", response_model=AgreementPublic)
async def end(agreement_id: UUID, body: Transition, once: OnceKey, answer: Answers) -> Agreement:
    """Ended for good, by the community or by the organization."""
    return answer.one(await once(use_cases.decide_agreement, agreement_id, "end", body))
