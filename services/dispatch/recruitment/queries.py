"""Reads of calls: lists, the call as it is shown, its progress."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Select, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.dispatch import copies
from services.dispatch.recruitment.domain import CALL
from services.dispatch.recruitment.schemas import (
    RecruitmentCallPlace,
    RecruitmentCallProgress,
    RecruitmentCallPublic,
)
from services.dispatch.recruitment.tables import CallPlaces, RecruitmentCall
from shared.database import AreaText, fetched, transaction_time

STATES = ("signed_up", "waitlisted", "approved", "refused", "withdrawn")
_TOUCHES = text(
    "EXISTS (SELECT FROM unnest(recruitment_calls.areas) AS mine, unnest(:places) AS place WHERE mine = place"
    " OR starts_with(mine, place || '.') OR starts_with(place, mine || '.'))"
)
_PROGRESS = text("SELECT state, n FROM recruitment_progress(:call)")


def listing(
    areas: Sequence[str], states: Sequence[str], emergencies: Sequence[UUID], skills: Sequence[str]
) -> Select[RecruitmentCall]:
    """Calls for any of these places, or for what lies in or around them."""
    query = select(RecruitmentCall)
    if areas:
        touches = _TOUCHES.bindparams(bindparam("places", list(areas), type_=ARRAY(AreaText)))
        query = query.where(touches)
    if states:
        query = query.where(col(RecruitmentCall.state).in_(states))
    if emergencies:
        query = query.where(col(RecruitmentCall.emergency_id).in_(emergencies))
    if skills:
        wanted: Any = col(RecruitmentCall.skills)
        query = query.where(wanted.overlap(list(skills)))
    return query


async def shown(db: AsyncSession, call: RecruitmentCall, expand: Sequence[str] = ()) -> RecruitmentCallPublic:
    """The call with the names of its places; a place that was abolished since has none and is left out."""
    names = await copies.place_names(db, call.areas)
    places = [RecruitmentCallPlace(area=area, name=names[area]) for area in call.areas if area in names]
    public = RecruitmentCallPublic.model_validate(call.model_dump() | {"places": places})
    if "allowed_actions" in expand:
        public.allowed_actions = CALL.allowed(call.state)
    return public


async def progress(db: AsyncSession, call_id: UUID) -> RecruitmentCallProgress:
    """How many signed up, whoever asks may see which of them. Raises NotFound."""
    call = await fetched(db, RecruitmentCall, call_id)
    places = await fetched_places(db, call_id)
    counted: dict[str, int] = dict((await db.execute(_PROGRESS, {"call": call_id})).all())
    return RecruitmentCallProgress(
        recruitment_call_id=call_id,
        as_of=transaction_time(db),
        wanted=call.wanted,
        places_left=places.places_left,
        **{state: counted.get(state, 0) for state in STATES},
    )


async def fetched_places(db: AsyncSession, call_id: UUID) -> CallPlaces:
    query = select(CallPlaces).where(col(CallPlaces.recruitment_call_id) == call_id)
    return (await db.execute(query)).scalar_one()
