"""Routes of sign-ups. Personal data travels only in bodies, never in addresses."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime
from sqlmodel import col

from services.dispatch.vetting import batches, queries, use_cases, views
from services.dispatch.vetting.schemas import (
    SignUpBatchApprove,
    SignUpBatchOutcome,
    SignUpBatchRefuse,
    SignUpCreate,
    SignUpPage,
    SignUpPublic,
    SignUpRefuse,
    SignUpReveal,
    SignUpRevealed,
    SignUpState,
    SignUpWithdraw,
)
from services.dispatch.vetting.tables import SignUp
from services.dispatch.volunteers.profile import Skill
from shared.answers import Answers
from shared.areas import AreaPath
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, ResourcesOf, Transition, language_of

router = APIRouter(prefix="/v1/sign-ups", tags=["sign_ups"])

Expand = Annotated[list[Literal["allowed_actions"]] | None, Query()]


@router.get("", operation_id="sign_ups_list")
async def list_sign_ups(
    db: Db,
    who: Caller,
    resources: ResourcesOf,
    paging: PagingParams,
    recruitment_call_id: Annotated[list[UUID] | None, Query()] = None,
    state: Annotated[list[SignUpState] | None, Query()] = None,
    area: Annotated[list[AreaPath] | None, Query(description="Calls of this place and all below it.")] = None,
    home_area: Annotated[list[AreaPath] | None, Query(description="Who lives in this place.")] = None,
    skill: Annotated[list[Skill] | None, Query(description="Who has any of these.")] = None,
    created_at_from: AwareDatetime | None = None,
    created_at_before: AwareDatetime | None = None,
) -> SignUpPage:
    """The oldest first: with ``state=signed_up`` the queue to vet. Others see their own."""
    query = queries.listing(
        who,
        recruitment_call_id or [],
        state or [],
        area or [],
        home_area or [],
        skill or [],
        created_at_from,
        created_at_before,
    )
    rows, cursor = await paginate(db, query, [col(SignUp.created_at), col(SignUp.id)], paging)
    return SignUpPage(items=await views.shown(db, resources.vault, rows), next_cursor=cursor)


@router.post("", status_code=201, operation_id="sign_ups_create")
async def create(body: SignUpCreate, once: OnceKey, db: Db, resources: ResourcesOf, answer: Answers) -> SignUpPublic:
    """Sign up oneself, at once; when every place is held, for the waitlist."""
    sign_up = answer.created(await once(use_cases.create_sign_up, body, resources.vault))
    return (await views.shown(db, resources.vault, [sign_up]))[0]


@router.post("/batch-approve", operation_id="sign_ups_batch_approve")
async def batch_approve(body: SignUpBatchApprove, once: OnceKey, request: Request) -> SignUpBatchOutcome:
    """Approve up to 500, each judged by itself unless ``atomic``."""
    batch = await once(batches.approve_batch, body)
    return batches.outcome_of(batch, language_of(request.headers.get("accept-language")), request.url.path)


@router.post("/batch-refuse", operation_id="sign_ups_batch_refuse")
async def batch_refuse(
    body: SignUpBatchRefuse, once: OnceKey, request: Request, resources: ResourcesOf
) -> SignUpBatchOutcome:
    """Refuse up to 500, each for its reason, judged by itself unless ``atomic``."""
    batch = await once(batches.refuse_batch, body, resources.vault)
    return batches.outcome_of(batch, language_of(request.headers.get("accept-language")), request.url.path)


@router.get("/{sign_up_id}", operation_id="sign_ups_get")
async def get(sign_up_id: UUID, db: Db, resources: ResourcesOf, answer: Answers, expand: Expand = None) -> SignUpPublic:
    """One sign-up, masked."""
    sign_up = await fetched(db, SignUp, sign_up_id)
    shown = await views.shown(db, resources.vault, [sign_up if expand else answer.one(sign_up)], expand or ())
    return shown[0]


@router.post("/{sign_up_id}/approve", operation_id="sign_ups_approve")
async def approve(
    sign_up_id: UUID, body: Transition, once: OnceKey, db: Db, resources: ResourcesOf, answer: Answers
) -> SignUpPublic:
    """The person may serve and is a volunteer from now on."""
    sign_up = answer.one(await once(use_cases.approve_sign_up, sign_up_id, body))
    return (await views.shown(db, resources.vault, [sign_up]))[0]


@router.post("/{sign_up_id}/refuse", operation_id="sign_ups_refuse")
async def refuse(
    sign_up_id: UUID, body: SignUpRefuse, once: OnceKey, db: Db, resources: ResourcesOf, answer: Answers
) -> SignUpPublic:
    """Not for this call, for a reason; identity, contact and health declaration are deleted."""
    sign_up = answer.one(await once(use_cases.refuse_sign_up, sign_up_id, body, resources.vault))
    return (await views.shown(db, resources.vault, [sign_up]))[0]


@router.post("/{sign_up_id}/withdraw", operation_id="sign_ups_withdraw")
async def withdraw(
    sign_up_id: UUID, body: SignUpWithdraw, once: OnceKey, db: Db, resources: ResourcesOf, answer: Answers
) -> SignUpPublic:
    """Take it back, also after approval; the place goes to the first of the waitlist."""
    sign_up = answer.one(await once(use_cases.withdraw_sign_up, sign_up_id, body))
    return (await views.shown(db, resources.vault, [sign_up]))[0]


@router.post("/{sign_up_id}/reveal", operation_id="sign_ups_reveal")
async def reveal(
    sign_up_id: UUID, body: SignUpReveal, db: Db, who: Caller, resources: ResourcesOf, response: Response
) -> SignUpRevealed:
    """Fields in clear, for a purpose; logged."""
    response.headers["Cache-Control"] = "no-store"
    return await use_cases.reveal_sign_up(db, who, sign_up_id, body, resources.vault)
