"""Routes of emergencies."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel import col

from services.registry.emergencies import queries, use_cases
from services.registry.emergencies.schemas import EmergencyCreate, EmergencyPage, EmergencyPublic
from services.registry.emergencies.tables import Emergency
from shared.answers import Answers
from shared.areas import AreaPath
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, Transition

router = APIRouter(prefix="/v1/emergencies", tags=["emergencies"])


@router.get("", operation_id="emergencies_list")
async def list_emergencies(
    db: Db,
    who: Caller,
    paging: PagingParams,
    area: Annotated[list[AreaPath] | None, Query(description="Those that touch this area.")] = None,
    state: Annotated[list[Literal["active", "closed"]] | None, Query()] = None,
) -> EmergencyPage:
    """Emergencies, the latest first."""
    query = queries.listing(area or [], state or [])
    rows, next_cursor = await paginate(db, query, [col(Emergency.id)], paging, descending=True)
    return EmergencyPage(items=[EmergencyPublic.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.post("", status_code=201, operation_id="emergencies_create", response_model=EmergencyPublic)
async def create(body: EmergencyCreate, once: OnceKey, answer: Answers) -> Emergency:
    """Open an emergency."""
    return answer.created(await once(use_cases.create_emergency, body))


@router.get("/{emergency_id}", operation_id="emergencies_get", response_model=EmergencyPublic)
async def get(emergency_id: UUID, db: Db, who: Caller, answer: Answers) -> Emergency:
    """One emergency."""
    return answer.one(await fetched(db, Emergency, emergency_id))


@router.post("/{emergency_id}/close", operation_id="emergencies_close", response_model=EmergencyPublic)
async def close(emergency_id: UUID, body: Transition, once: OnceKey, answer: Answers) -> Emergency:
    """Declare an emergency over."""
    return answer.one(await once(use_cases.close_emergency, emergency_id, body))
