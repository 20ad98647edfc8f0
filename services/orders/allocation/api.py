"""How shortages were shared out, and what households were told."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlmodel import col

from services.orders.allocation import use_cases
from services.orders.allocation.messages import public
from services.orders.allocation.queries import Reason
from services.orders.allocation.schemas import (
    AllocationCreate,
    AllocationLinePage,
    AllocationLinePublic,
    AllocationPage,
    AllocationPublic,
    ShortagePage,
    ShortagePublic,
)
from services.orders.allocation.tables import Allocation, AllocationLine, Shortage
from shared.answers import Answers
from shared.areas import AreaPath, within
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, Transition

allocations = APIRouter(prefix="/v1/allocations", tags=["allocations"])
shortages = APIRouter(prefix="/v1/shortages", tags=["shortages"])
routers = (allocations, shortages)

Ids = Annotated[list[UUID] | None, Query()]


@allocations.get("", operation_id="allocations_list")
async def list_allocations(
    db: Db,
    who: Caller,
    paging: PagingParams,
    purchase_id: Ids = None,
    reason: Annotated[list[Reason] | None, Query()] = None,
) -> AllocationPage:
    """Runs of the rule on purchases that touch one's area or store."""
    query = select(Allocation)
    if purchase_id:
        query = query.where(col(Allocation.purchase_id).in_(purchase_id))
    if reason:
        query = query.where(col(Allocation.reason).in_(reason))
    rows, cursor = await paginate(db, query, [Allocation.id], paging)
    return AllocationPage(items=[public(row) for row in rows], next_cursor=cursor)


@allocations.post("", status_code=201, operation_id="allocations_create")
async def create(body: AllocationCreate, once: OnceKey, answer: Answers) -> AllocationPublic:
    """Try the rule out; nothing is changed and nobody is told."""
    return public(answer.created(await once(use_cases.propose, body)))


@allocations.get("/{allocation_id}", operation_id="allocations_get")
async def get_allocation(allocation_id: UUID, answer: Answers, db: Db) -> AllocationPublic:
    """One run, with the inputs that all its lines share."""
    return public(answer.one(await fetched(db, Allocation, allocation_id)))


@allocations.post("/{allocation_id}/apply", operation_id="allocations_apply")
async def apply(allocation_id: UUID, body: Transition, once: OnceKey, answer: Answers) -> AllocationPublic:
    """Make a trial count, before it happens by itself; the households are told."""
    return public(answer.one(await once(use_cases.apply, allocation_id)))


@allocations.post("/{allocation_id}/replay", operation_id="allocations_replay")
async def replay(allocation_id: UUID, body: Transition, once: OnceKey, answer: Answers) -> AllocationPublic:
    """Draw again from the recorded inputs, and see whether the same comes out."""
    return public(answer.one(await once(use_cases.replay, allocation_id)))


@allocations.get("/{allocation_id}/lines", operation_id="allocations_list_lines")
async def list_lines(
    allocation_id: UUID, db: Db, who: Caller, paging: PagingParams, household_id: Ids = None
) -> AllocationLinePage:
    """The lines of the run that the caller may see: of its own household, or within its area."""
    query = select(AllocationLine).where(col(AllocationLine.allocation_id) == allocation_id)
    if household_id:
        query = query.where(col(AllocationLine.household_id).in_(household_id))
    rows, cursor = await paginate(db, query, [AllocationLine.line_id], paging)
    return AllocationLinePage(items=[AllocationLinePublic.model_validate(row) for row in rows], next_cursor=cursor)


@shortages.get("", operation_id="shortages_list")
async def list_shortages(
    db: Db,
    who: Caller,
    paging: PagingParams,
    purchase_id: Ids = None,
    household_id: Ids = None,
    order_id: Ids = None,
    reason: Annotated[list[Reason] | None, Query()] = None,
    area: Annotated[list[AreaPath] | None, Query(description="This place and all below it.")] = None,
) -> ShortagePage:
    """What one's own household, or the households of one's area, were told."""
    query = select(Shortage)
    for column, wanted in (
        (Shortage.purchase_id, purchase_id),
        (Shortage.household_id, household_id),
        (Shortage.order_id, order_id),
        (Shortage.reason, reason),
    ):
        if wanted:
            query = query.where(col(column).in_(wanted))
    if area:
        query = query.where(within(col(Shortage.area), area))
    rows, cursor = await paginate(db, query, [Shortage.id], paging)
    return ShortagePage(items=[ShortagePublic.model_validate(row) for row in rows], next_cursor=cursor)


@shortages.get("/{shortage_id}", operation_id="shortages_get", response_model=ShortagePublic)
async def get_shortage(shortage_id: UUID, answer: Answers, db: Db) -> Shortage:
    """One sentence for one household."""
    return answer.one(await fetched(db, Shortage, shortage_id))
