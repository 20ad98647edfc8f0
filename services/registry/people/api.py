"""Routes of people. Personal data travels only in bodies, never in addresses."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlmodel import col

from services.registry.people import use_cases, views
from services.registry.people.schemas import (
    PersonCreate,
    PersonEnsure,
    PersonFound,
    PersonPage,
    PersonPublic,
    PersonReveal,
    PersonRevealed,
    PersonSearch,
    PersonUpdate,
)
from services.registry.people.tables import Person
from services.registry.vaults import VaultOf
from shared.answers import Answers
from shared.areas import AreaPath, within
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, IfMatch

router = APIRouter(prefix="/v1/people", tags=["people"])


@router.get("", operation_id="people_list")
async def list_people(
    db: Db,
    who: Caller,
    vault: VaultOf,
    paging: PagingParams,
    area: Annotated[list[AreaPath] | None, Query()] = None,
    id: Annotated[list[UUID] | None, Query(description="Only these.")] = None,
) -> PersonPage:
    """People one may see, masked."""
    query = select(Person)
    if area:
        query = query.where(within(col(Person.area), area))  # type: ignore[arg-type]
    if id:
        query = query.where(col(Person.id).in_(id))
    rows, next_cursor = await paginate(db, query, [col(Person.id)], paging)
    return PersonPage(items=await views.shown(vault, rows), next_cursor=next_cursor)


@router.post("", status_code=201, operation_id="people_create")
async def create(body: PersonCreate, once: OnceKey, vault: VaultOf, answer: Answers) -> PersonPublic:
    """Register somebody, with or without a phone."""
    person = answer.created(await once(use_cases.create_person, body, vault))
    return (await views.shown(vault, [person]))[0]


@router.post("/ensure", operation_id="people_ensure")
async def ensure(body: PersonEnsure, once: OnceKey, vault: VaultOf, answer: Answers) -> PersonPublic:
    """Find or create the person behind a verified phone; for the gateway's sign-in."""
    return (await views.shown(vault, [answer.one(await once(use_cases.ensure_person, body, vault))]))[0]


@router.post("/search", operation_id="people_search")
async def search(body: PersonSearch, db: Db, who: Caller, vault: VaultOf, answer: Answers) -> PersonFound:
    """Find a person by exact phone or identity number; logged."""
    answer.secret()
    return PersonFound(items=await views.shown(vault, await use_cases.search_people(db, who, body, vault)))


@router.get("/{person_id}", operation_id="people_get")
async def get(person_id: UUID, db: Db, who: Caller, vault: VaultOf, answer: Answers) -> PersonPublic:
    """One person, masked."""
    return (await views.shown(vault, [answer.one(await fetched(db, Person, person_id))]))[0]


@router.patch("/{person_id}", operation_id="people_update")
async def update(
    person_id: UUID, body: PersonUpdate, db: Db, who: Caller, version: IfMatch, vault: VaultOf, answer: Answers
) -> PersonPublic:
    """Correct what is known of a person."""
    person = await use_cases.update_person(db, who, person_id, body, version, vault)
    return (await views.shown(vault, [answer.one(person)]))[0]


@router.post("/{person_id}/reveal", operation_id="people_reveal")
async def reveal(
    person_id: UUID, body: PersonReveal, db: Db, who: Caller, vault: VaultOf, answer: Answers
) -> PersonRevealed:
    """Fields in clear, for a purpose; logged."""
    answer.secret()
    return await use_cases.reveal_person(db, who, person_id, body, vault)
