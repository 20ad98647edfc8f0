"""Routes of policies."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime
from sqlmodel import col

from services.registry.policies import queries, use_cases
from services.registry.policies.kinds import KINDS, KindName
from services.registry.policies.schemas import EffectivePolicies, PolicyCreate, PolicyPage, PolicyPublic
from services.registry.policies.tables import Policy
from shared.answers import Answers
from shared.areas import AreaPath
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, Now

router = APIRouter(prefix="/v1/policies", tags=["policies"])


@router.get("", operation_id="policies_list")
async def list_policies(
    db: Db,
    who: Caller,
    paging: PagingParams,
    area: Annotated[list[AreaPath] | None, Query()] = None,
    kind: Annotated[list[KindName] | None, Query()] = None,
    state: Annotated[list[Literal["active", "ended"]] | None, Query()] = None,
) -> PolicyPage:
    """Policies that were published in these areas, the latest first."""
    query = queries.listing(area or [], kind or [], state or [])
    rows, next_cursor = await paginate(db, query, [col(Policy.id)], paging, descending=True)
    return PolicyPage(items=[PolicyPublic.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.get("/effective", operation_id="policies_effective")
async def effective(
    db: Db,
    who: Caller,
    now: Now,
    area: Annotated[AreaPath, Query()],
    kind: Annotated[list[KindName] | None, Query(description="All kinds, if left out.")] = None,
    at: Annotated[AwareDatetime | None, Query(description="Now, if left out.")] = None,
) -> EffectivePolicies:
    """What counts in an area: of each kind the nearest area's policy, or the defaults."""
    return EffectivePolicies(items=await queries.effective(db, area, kind or list(KINDS), at or now))


@router.post("", status_code=201, operation_id="policies_create", response_model=PolicyPublic)
async def create(body: PolicyCreate, once: OnceKey, answer: Answers) -> Policy:
    """Publish a policy for an area."""
    return answer.created(await once(use_cases.create_policy, body))


@router.get("/{policy_id}", operation_id="policies_get", response_model=PolicyPublic)
async def get(policy_id: UUID, db: Db, who: Caller, answer: Answers) -> Policy:
    """One policy."""
    return answer.one(await fetched(db, Policy, policy_id))
