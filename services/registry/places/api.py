"""Routes of places and their states."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlmodel import col

from services.registry.places import queries, states, use_cases
from services.registry.places.domain import Kind, State
from services.registry.places.schemas import (
    PlaceAbolish,
    PlaceCreate,
    PlacePage,
    PlacePublic,
    PlaceStateCreate,
    PlaceStatePage,
    PlaceStatePublic,
    PlaceUpdate,
)
from services.registry.places.tables import Place, PlaceState
from shared.answers import Answers
from shared.areas import AreaPath
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, IfMatch, Transition

router = APIRouter(prefix="/v1/places", tags=["places"])
states_router = APIRouter(prefix="/v1/place-states", tags=["place_states"])


@router.get("", operation_id="places_list")
async def list_places(
    db: Db,
    who: Caller,
    paging: PagingParams,
    area: Annotated[list[AreaPath] | None, Query(description="This place and all below it.")] = None,
    parent_id: Annotated[list[UUID] | None, Query()] = None,
    kind: Annotated[list[Kind] | None, Query()] = None,
    state: Annotated[list[State] | None, Query()] = None,
    code: Annotated[
        str | None, Query(pattern="^[0-9]{12}$", description="Official code, also an abolished one.")
    ] = None,
) -> PlacePage:
    """Places in the order of their paths."""
    query = queries.listing(area or [], parent_id or [], kind or [], state or [], code)
    rows, next_cursor = await paginate(db, query, [col(Place.area)], paging)
    return PlacePage(items=await queries.shown(db, rows), next_cursor=next_cursor)


@router.post("", status_code=201, operation_id="places_create")
async def create(body: PlaceCreate, once: OnceKey, db: Db, answer: Answers) -> PlacePublic:
    """Add a place below another. An unknown or abolished code is refused."""
    return (await queries.shown(db, [answer.created(await once(use_cases.create_place, body))]))[0]


@router.get("/{place_id}", operation_id="places_get")
async def get(place_id: UUID, db: Db, who: Caller, answer: Answers) -> PlacePublic:
    """One place."""
    return (await queries.shown(db, [answer.one(await fetched(db, Place, place_id))]))[0]


@router.patch("/{place_id}", operation_id="places_update")
async def update(
    place_id: UUID, body: PlaceUpdate, db: Db, who: Caller, version: IfMatch, answer: Answers
) -> PlacePublic:
    """Correct the name or the standard address code."""
    place = await use_cases.update_place(db, who, place_id, body, version)
    return (await queries.shown(db, [answer.one(place)]))[0]


@router.post("/{place_id}/abolish", operation_id="places_abolish")
async def abolish(place_id: UUID, body: PlaceAbolish, once: OnceKey, db: Db, answer: Answers) -> PlacePublic:
    """End a place that has nothing below it, and its official code."""
    place = await once(use_cases.abolish_place, place_id, body)
    return (await queries.shown(db, [answer.one(place)]))[0]


@states_router.get("", operation_id="place_states_list")
async def list_states(
    db: Db,
    who: Caller,
    paging: PagingParams,
    area: Annotated[list[AreaPath] | None, Query()] = None,
    place_id: Annotated[list[UUID] | None, Query()] = None,
    in_force: Annotated[bool | None, Query(description="Only those that count at present.")] = None,
) -> PlaceStatePage:
    """Declared states, the latest first."""
    query = queries.states_listing(area or [], place_id or [], in_force)
    rows, next_cursor = await paginate(db, query, [col(PlaceState.id)], paging, descending=True)
    return PlaceStatePage(items=[PlaceStatePublic.model_validate(row) for row in rows], next_cursor=next_cursor)


@states_router.post("", status_code=201, operation_id="place_states_create", response_model=PlaceStatePublic)
async def declare(body: PlaceStateCreate, once: OnceKey, answer: Answers) -> PlaceState:
    """Declare the state of a compound, building or entrance."""
    return answer.created(await once(states.declare_state, body))


@states_router.get("/{place_state_id}", operation_id="place_states_get", response_model=PlaceStatePublic)
async def get_state(place_state_id: UUID, db: Db, who: Caller, answer: Answers) -> PlaceState:
    """One declared state."""
    return answer.one(await fetched(db, PlaceState, place_state_id))


@states_router.post("/{place_state_id}/revoke", operation_id="place_states_revoke", response_model=PlaceStatePublic)
async def revoke(place_state_id: UUID, body: Transition, once: OnceKey, answer: Answers) -> PlaceState:
    """Take a state back, such as "epidemic-free"; what held before holds again."""
    return answer.one(await once(states.revoke_state, place_state_id, body))
