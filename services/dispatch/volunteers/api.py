"""Routes of volunteers. Personal data travels only in bodies, never in addresses."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlmodel import col

from services.dispatch.volunteers import queries, use_cases, views
from services.dispatch.volunteers.profile import Skill
from services.dispatch.volunteers.schemas import (
    VolunteerPage,
    VolunteerPublic,
    VolunteerReveal,
    VolunteerRevealed,
    VolunteerState,
    VolunteerSuspend,
    VolunteerUpdate,
)
from services.dispatch.volunteers.tables import Volunteer
from shared.answers import Answers
from shared.areas import AreaPath
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, IfMatch, ResourcesOf, Transition

router = APIRouter(prefix="/v1/volunteers", tags=["volunteers"])

Expand = Annotated[list[Literal["allowed_actions"]] | None, Query()]


@router.get("", operation_id="volunteers_list")
async def list_volunteers(
    db: Db,
    who: Caller,
    resources: ResourcesOf,
    paging: PagingParams,
    area: Annotated[list[AreaPath] | None, Query(description="Who lives in this place or below it.")] = None,
    state: Annotated[list[VolunteerState] | None, Query()] = None,
    skill: Annotated[list[Skill] | None, Query(description="Who has any of these.")] = None,
    volunteer_no: Annotated[str | None, Query(max_length=40)] = None,
) -> VolunteerPage:
    """Volunteers who live or serve in one's area, masked; others see themselves."""
    query = queries.listing(who, area or [], state or [], skill or [], volunteer_no)
    rows, cursor = await paginate(db, query, [col(Volunteer.id)], paging)
    return VolunteerPage(items=await views.shown(resources.vault, rows), next_cursor=cursor)


@router.get("/{volunteer_id}", operation_id="volunteers_get")
async def get(
    volunteer_id: UUID, db: Db, resources: ResourcesOf, answer: Answers, expand: Expand = None
) -> VolunteerPublic:
    """One profile, masked; the id is the person's."""
    volunteer = await fetched(db, Volunteer, volunteer_id)
    return (await views.shown(resources.vault, [volunteer if expand else answer.one(volunteer)], expand or ()))[0]


@router.patch("/{volunteer_id}", operation_id="volunteers_update")
async def update(
    volunteer_id: UUID,
    body: VolunteerUpdate,
    db: Db,
    who: Caller,
    version: IfMatch,
    resources: ResourcesOf,
    answer: Answers,
) -> VolunteerPublic:
    """Keep one's own profile, or correct somebody's."""
    volunteer = await use_cases.update_volunteer(db, who, volunteer_id, body, version, resources.vault)
    return (await views.shown(resources.vault, [answer.one(volunteer)]))[0]


@router.post("/{volunteer_id}/suspend", operation_id="volunteers_suspend")
async def suspend(
    volunteer_id: UUID, body: VolunteerSuspend, once: OnceKey, resources: ResourcesOf, answer: Answers
) -> VolunteerPublic:
    """They do not serve until they are reinstated."""
    volunteer = await once(use_cases.suspend_volunteer, volunteer_id, body, resources.vault)
    return (await views.shown(resources.vault, [answer.one(volunteer)]))[0]


@router.post("/{volunteer_id}/reinstate", operation_id="volunteers_reinstate")
async def reinstate(
    volunteer_id: UUID, body: Transition, once: OnceKey, resources: ResourcesOf, answer: Answers
) -> VolunteerPublic:
    """They serve again."""
    volunteer = await once(use_cases.reinstate_volunteer, volunteer_id, body)
    return (await views.shown(resources.vault, [answer.one(volunteer)]))[0]


@router.post("/{volunteer_id}/reveal", operation_id="volunteers_reveal")
async def reveal(
    volunteer_id: UUID, body: VolunteerReveal, db: Db, who: Caller, resources: ResourcesOf, response: Response
) -> VolunteerRevealed:
    """Fields in clear, for a purpose; logged."""
    response.headers["Cache-Control"] = "no-store"
    return await use_cases.reveal_volunteer(db, who, volunteer_id, body, resources.vault)
