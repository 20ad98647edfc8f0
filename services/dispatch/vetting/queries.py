"""The vetting queue: the oldest first, by keyset over (created_at, id); an index holds each state of each call so."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlmodel import col

from services.dispatch.vetting.tables import SignUp
from shared.areas import within
from shared.auth import Principal


def listing(
    who: Principal,
    calls: Sequence[UUID],
    states: Sequence[str],
    areas: Sequence[str],
    home_areas: Sequence[str],
    skills: Sequence[str],
    created_from: datetime | None,
    created_before: datetime | None,
) -> Select[SignUp]:
    query = select(SignUp).where(_within_reach(who))
    if calls:
        query = query.where(col(SignUp.recruitment_call_id).in_(calls))
    if states:
        query = query.where(col(SignUp.state).in_(states))
    if areas:
        query = query.where(within(col(SignUp.area), areas))
    if home_areas:
        query = query.where(within(col(SignUp.home_area), home_areas))
    if skills:
        wanted: Any = col(SignUp.skills)
        query = query.where(wanted.overlap(list(skills)))
    if created_from:
        query = query.where(col(SignUp.created_at) >= created_from)
    if created_before:
        query = query.where(col(SignUp.created_at) < created_before)
    return query


def _within_reach(who: Principal) -> Any:
    """What row-level security shows, said again so that an index can help: it would be asked row by row."""
    mine = col(SignUp.person_id) == who.id
    return or_(mine, within(col(SignUp.area), who.visible_areas)) if who.visible_areas else mine
