"""Routes of proxy consents."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy import select
from sqlmodel import col

from services.registry.checks import among
from services.registry.consents import use_cases
from services.registry.consents.schemas import ConsentCreate, ConsentPage, ConsentPublic
from services.registry.consents.tables import Consent
from shared.answers import Answers
from shared.areas import AreaPath, within
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, Transition

router = APIRouter(prefix="/v1/consents", tags=["consents"])


@router.get("", operation_id="consents_list")
async def list_consents(
    db: Db,
    who: Caller,
    paging: PagingParams,
    area: Annotated[list[AreaPath] | None, Query()] = None,
    household_id: Annotated[list[UUID] | None, Query()] = None,
    person_id: Annotated[list[UUID] | None, Query(description="The proxy.")] = None,
    state: Annotated[list[Literal["active", "withdrawn", "expired"]] | None, Query()] = None,
) -> ConsentPage:
    """Consents given to oneself, by one's household, or in one's area."""
    query = select(Consent)
    if area:
        query = query.where(within(col(Consent.area), area))
    if household_id:
        query = query.where(among(col(Consent.household_id), household_id))
    if person_id:
        query = query.where(among(col(Consent.person_id), person_id))
    if state:
        query = query.where(col(Consent.state).in_(state))
    rows, next_cursor = await paginate(db, query, [col(Consent.id)], paging)
    return ConsentPage(items=[ConsentPublic.model_validate(row) for row in rows], next_cursor=next_cursor)


@router.post("", status_code=201, operation_id="consents_create", response_model=ConsentPublic)
async def create(body: ConsentCreate, once: OnceKey, answer: Answers) -> Consent:
    """Let somebody order for a household, for a time."""
    return answer.created(await once(use_cases.create_consent, body))


@router.get("/{consent_id}", operation_id="consents_get", response_model=ConsentPublic)
async def get(consent_id: UUID, db: Db, who: Caller, answer: Answers) -> Consent:
    """One consent."""
    return answer.one(await fetched(db, Consent, consent_id))


@router.post("/{consent_id}/withdraw", operation_id="consents_withdraw", response_model=ConsentPublic)
async def withdraw(consent_id: UUID, body: Transition, once: OnceKey, answer: Answers) -> Consent:
    """Take a consent back; it opens nothing from now on."""
    return answer.one(await once(use_cases.withdraw_consent, consent_id))
