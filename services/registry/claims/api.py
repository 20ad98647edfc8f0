"""Routes of claims on households."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel import col

from services.registry.claims import queries, use_cases
from services.registry.claims.domain import CLAIM
from services.registry.claims.schemas import HouseholdClaimCreate, HouseholdClaimPage, HouseholdClaimPublic
from services.registry.claims.tables import HouseholdClaim
from services.registry.expanding import Expand
from services.registry.vaults import VaultOf
from shared.answers import Answers
from shared.areas import AreaPath
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, Transition

router = APIRouter(prefix="/v1/household-claims", tags=["household_claims"])


@router.get("", operation_id="household_claims_list")
async def list_claims(
    db: Db,
    who: Caller,
    paging: PagingParams,
    area: Annotated[list[AreaPath] | None, Query()] = None,
    household_id: Annotated[list[UUID] | None, Query()] = None,
    person_id: Annotated[list[UUID] | None, Query()] = None,
    state: Annotated[list[Literal["pending", "confirmed", "refused"]] | None, Query()] = None,
) -> HouseholdClaimPage:
    """One's own claims, and those on households one may see."""
    query = queries.listing(area or [], household_id or [], person_id or [], state or [])
    rows, next_cursor = await paginate(db, query, [col(HouseholdClaim.id)], paging)
    return HouseholdClaimPage(items=[HouseholdClaimPublic.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.post("", status_code=201, operation_id="household_claims_create", response_model=HouseholdClaimPublic)
async def create(body: HouseholdClaimCreate, once: OnceKey, vault: VaultOf, answer: Answers) -> HouseholdClaim:
    """ "I live there." With the code on paper it counts at once, else somebody confirms it."""
    return answer.created(await once(use_cases.create_claim, body, vault))


@router.get("/{claim_id}", operation_id="household_claims_get")
async def get(claim_id: UUID, db: Db, who: Caller, answer: Answers, expand: Expand = None) -> HouseholdClaimPublic:
    """One claim."""
    row = await fetched(db, HouseholdClaim, claim_id)
    if not expand:
        return HouseholdClaimPublic.model_validate(answer.one(row))
    public = HouseholdClaimPublic.model_validate(row)
    public.allowed_actions = CLAIM.allowed(row.state)
    return public


@router.post("/{claim_id}/confirm", operation_id="household_claims_confirm", response_model=HouseholdClaimPublic)
async def confirm(claim_id: UUID, body: Transition, once: OnceKey, answer: Answers) -> HouseholdClaim:
    """The building head or a worker knows them."""
    return answer.one(await once(use_cases.confirm_claim, claim_id))


@router.post("/{claim_id}/refuse", operation_id="household_claims_refuse", response_model=HouseholdClaimPublic)
async def refuse(claim_id: UUID, body: Transition, once: OnceKey, answer: Answers) -> HouseholdClaim:
    """They do not live there, or no longer."""
    return answer.one(await once(use_cases.refuse_claim, claim_id, body))
