"""Routes of probable duplicates."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlmodel import col

from services.registry.households.merging import dismiss_duplicate
from services.registry.households.schemas import HouseholdDuplicatePage, HouseholdDuplicatePublic
from services.registry.households.tables import HouseholdDuplicate
from shared.answers import Answers
from shared.areas import AreaPath, within
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, Transition

router = APIRouter(prefix="/v1/household-duplicates", tags=["household_duplicates"])


@router.get("", operation_id="household_duplicates_list")
async def list_duplicates(
    db: Db,
    who: Caller,
    paging: PagingParams,
    area: Annotated[list[AreaPath] | None, Query()] = None,
    state: Annotated[list[Literal["open", "dismissed", "merged"]] | None, Query()] = None,
) -> HouseholdDuplicatePage:
    """Households of one community with the same phone."""
    query = select(HouseholdDuplicate)
    if area:
        query = query.where(within(col(HouseholdDuplicate.area), area))
    if state:
        query = query.where(col(HouseholdDuplicate.state).in_(state))
    rows, next_cursor = await paginate(db, query, [col(HouseholdDuplicate.id)], paging)
    return HouseholdDuplicatePage(
        items=[HouseholdDuplicatePublic.model_validate(row) for row in rows], next_cursor=next_cursor
    )


@router.get("/{duplicate_id}", operation_id="household_duplicates_get", response_model=HouseholdDuplicatePublic)
async def get(duplicate_id: UUID, db: Db, who: Caller, answer: Answers) -> HouseholdDuplicate:
    """One pair."""
    return answer.one(await fetched(db, HouseholdDuplicate, duplicate_id))


@router.post(
    "/{duplicate_id}/dismiss", operation_id="household_duplicates_dismiss", response_model=HouseholdDuplicatePublic
)
async def dismiss(duplicate_id: UUID, body: Transition, once: OnceKey, answer: Answers) -> HouseholdDuplicate:
    """Not a duplicate."""
    return answer.one(await once(dismiss_duplicate, duplicate_id, body))
