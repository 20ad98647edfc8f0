"""Routes of households. Personal data travels only in bodies, never in addresses."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlmodel import col

from services.registry.claims.slips import print_slips
from services.registry.households import lookups, merging, queries, use_cases, views
from services.registry.households.domain import Notify
from services.registry.households.schemas import (
    ContactsGiven,
    ContactsWanted,
    DoorsResolved,
    HouseholdContact,
    HouseholdCreate,
    HouseholdMerge,
    HouseholdPage,
    HouseholdPublic,
    HouseholdResolve,
    HouseholdReveal,
    HouseholdSearch,
    HouseholdsFound,
    HouseholdUpdate,
    SlipsWanted,
)
from services.registry.households.tables import Household
from services.registry.vaults import VaultOf
from shared.answers import Answers
from shared.areas import AreaPath
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, IfMatch

router = APIRouter(prefix="/v1/households", tags=["households"])


@router.get("", operation_id="households_list")
async def list_households(
    db: Db,
    who: Caller,
    vault: VaultOf,
    paging: PagingParams,
    area: Annotated[list[AreaPath] | None, Query()] = None,
    id: Annotated[list[UUID] | None, Query(description="Only these.")] = None,
    state: Annotated[list[Literal["active", "merged"]] | None, Query(description="Active ones, if left out.")] = None,
    priority_class: Annotated[list[Annotated[int, Query(ge=0, le=3)]] | None, Query()] = None,
    notify: Annotated[list[Notify] | None, Query()] = None,
) -> HouseholdPage:
    """Households of one's areas, and one's own, masked."""
    query = queries.listing(area or [], id or [], state or [], priority_class or [], notify or [])
    rows, next_cursor = await paginate(db, query, [col(Household.id)], paging)
    return HouseholdPage(items=await views.shown(vault, rows), next_cursor=next_cursor)


@router.post("", status_code=201, operation_id="households_create")
async def create(body: HouseholdCreate, once: OnceKey, vault: VaultOf, answer: Answers) -> HouseholdPublic:
    """Register a home; its code on paper is issued with it."""
    household = answer.created(await once(use_cases.create_household, body, vault))
    return (await views.shown(vault, [household]))[0]


@router.post("/search", operation_id="households_search")
async def search(body: HouseholdSearch, db: Db, who: Caller, vault: VaultOf, answer: Answers) -> HouseholdsFound:
    """Find households by exact phone or door; logged."""
    answer.secret()
    found = await lookups.search_households(db, who, body, vault)
    return HouseholdsFound(items=await views.shown(vault, found))


@router.post("/resolve", operation_id="households_resolve")
async def resolve(body: HouseholdResolve, db: Db, who: Caller, vault: VaultOf, answer: Answers) -> DoorsResolved:
    """Up to 500 doors to households, for another service; logged."""
    answer.secret()
    return DoorsResolved(rows=await lookups.resolve_doors(db, who, body, vault))


@router.post("/contacts", operation_id="households_contacts")
async def contacts(body: ContactsWanted, db: Db, who: Caller, vault: VaultOf, answer: Answers) -> ContactsGiven:
    """Contacts of up to 500 households, for another service and a purpose; logged."""
    answer.secret()
    return ContactsGiven(rows=await lookups.give_contacts(db, who, body, vault))


@router.post(
    "/export",
    operation_id="households_export",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}, "text/csv": {}}, "description": "Slips or a list"}},
)
async def export(body: SlipsWanted, db: Db, who: Caller, vault: VaultOf) -> Response:
    """The claim codes of an area, for printing and handing out; logged."""
    content, media_type = await print_slips(db, who, body, vault)
    return Response(content, media_type=media_type, headers={"Cache-Control": "no-store"})


@router.get("/{household_id}", operation_id="households_get")
async def get(household_id: UUID, db: Db, who: Caller, vault: VaultOf, answer: Answers) -> HouseholdPublic:
    """One household, masked. A merged one is still found and names its heir."""
    household = answer.one(await fetched(db, Household, household_id))
    return (await views.shown(vault, [household]))[0]


@router.patch("/{household_id}", operation_id="households_update")
async def update(
    household_id: UUID, body: HouseholdUpdate, db: Db, who: Caller, version: IfMatch, vault: VaultOf, answer: Answers
) -> HouseholdPublic:
    """Correct size, contact, flags and how the household is told."""
    household = await use_cases.update_household(db, who, household_id, body, version, vault)
    return (await views.shown(vault, [answer.one(household)]))[0]


@router.post("/{household_id}/merge", operation_id="households_merge")
async def merge(
    household_id: UUID, body: HouseholdMerge, once: OnceKey, vault: VaultOf, answer: Answers
) -> HouseholdPublic:
    """Make this record an alias of another one of the same family."""
    household = answer.one(await once(merging.merge_household, household_id, body))
    return (await views.shown(vault, [household]))[0]


@router.post("/{household_id}/reveal", operation_id="households_reveal")
async def reveal(
    household_id: UUID, body: HouseholdReveal, db: Db, who: Caller, vault: VaultOf, answer: Answers
) -> HouseholdContact:
    """Fields in clear, for a purpose; logged."""
    answer.secret()
    return await lookups.reveal_household(db, who, household_id, body, vault)
