"""Routes of roles."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel import col

from services.registry.roles import queries, use_cases
from services.registry.roles.domain import RoleName
from services.registry.roles.schemas import RoleCreate, RolePage, RolePublic
from services.registry.roles.tables import Role
from shared.answers import Answers
from shared.areas import AreaPath
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, Transition

router = APIRouter(prefix="/v1/roles", tags=["roles"])


@router.get("", operation_id="roles_list")
async def list_roles(
    db: Db,
    who: Caller,
    paging: PagingParams,
    area: Annotated[list[AreaPath] | None, Query()] = None,
    person_id: Annotated[list[UUID] | None, Query()] = None,
    organization_id: Annotated[list[UUID] | None, Query()] = None,
    role: Annotated[list[RoleName] | None, Query()] = None,
    state: Annotated[list[Literal["active", "ended"]] | None, Query()] = None,
) -> RolePage:
    """One's own roles, and those in one's areas and organizations."""
    query = queries.listing(area or [], person_id or [], organization_id or [], role or [], state or [])
    rows, next_cursor = await paginate(db, query, [col(Role.id)], paging)
    return RolePage(items=[RolePublic.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.post("", status_code=201, operation_id="roles_create", response_model=RolePublic)
async def create(body: RoleCreate, once: OnceKey, answer: Answers) -> Role:
    """Give a role."""
    return answer.created(await once(use_cases.create_role, body))


@router.get("/{role_id}", operation_id="roles_get", response_model=RolePublic)
async def get(role_id: UUID, db: Db, who: Caller, answer: Answers) -> Role:
    """One role."""
    return answer.one(await fetched(db, Role, role_id))


@router.post("/{role_id}/end", operation_id="roles_end", response_model=RolePublic)
async def end(role_id: UUID, body: Transition, once: OnceKey, answer: Answers) -> Role:
    """Take a role back, or lay one's own down; tokens lose it within a minute."""
    return answer.one(await once(use_cases.end_role, role_id, body))
