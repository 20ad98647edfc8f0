"""Routes of organizations."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel import col

from services.registry.organizations import queries, use_cases
from services.registry.organizations.domain import Kind
from services.registry.organizations.schemas import (
    OrganizationCreate,
    OrganizationPage,
    OrganizationPublic,
    OrganizationUpdate,
)
from services.registry.organizations.tables import Organization
from shared.answers import Answers
from shared.areas import AreaPath
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, IfMatch, Transition

router = APIRouter(prefix="/v1/organizations", tags=["organizations"])


@router.get("", operation_id="organizations_list")
async def list_organizations(
    db: Db,
    who: Caller,
    paging: PagingParams,
    area: Annotated[list[AreaPath] | None, Query()] = None,
    kind: Annotated[list[Kind] | None, Query()] = None,
    state: Annotated[list[Literal["active", "closed"]] | None, Query()] = None,
    uscc: Annotated[str | None, Query(min_length=18, max_length=18)] = None,
) -> OrganizationPage:
    """Organizations."""
    query = queries.listing(area or [], kind or [], state or [], uscc)
    rows, next_cursor = await paginate(db, query, [col(Organization.id)], paging)
    return OrganizationPage(items=[OrganizationPublic.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.post("", status_code=201, operation_id="organizations_create", response_model=OrganizationPublic)
async def create(body: OrganizationCreate, once: OnceKey, answer: Answers) -> Organization:
    """Register an organization; both check digits of a USCC are checked."""
    return answer.created(await once(use_cases.create_organization, body))


@router.get("/{organization_id}", operation_id="organizations_get", response_model=OrganizationPublic)
async def get(organization_id: UUID, db: Db, who: Caller, answer: Answers) -> Organization:
    """One organization."""
    return answer.one(await fetched(db, Organization, organization_id))


@router.patch("/{organization_id}", operation_id="organizations_update", response_model=OrganizationPublic)
async def update(
    organization_id: UUID, body: OrganizationUpdate, db: Db, who: Caller, version: IfMatch, answer: Answers
) -> Organization:
    """Correct names and identifiers."""
    return answer.one(await use_cases.update_organization(db, who, organization_id, body, version))


@router.post("/{organization_id}/close", operation_id="organizations_close", response_model=OrganizationPublic)
async def close(organization_id: UUID, body: Transition, once: OnceKey, answer: Answers) -> Organization:
    """It no longer exists, or no longer takes part."""
    return answer.one(await once(use_cases.close_organization, organization_id, body))
