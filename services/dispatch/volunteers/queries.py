"""Lists of volunteers."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlmodel import col

from services.dispatch.volunteers.tables import Volunteer
from shared.areas import within
from shared.auth import Principal


def listing(
    who: Principal, areas: Sequence[str], states: Sequence[str], skills: Sequence[str], volunteer_no: str | None
) -> Select[Volunteer]:
    """``areas``: where they live. Row-level security adds who may be seen; without any role that is oneself."""
    query = select(Volunteer)
    if not who.visible_areas:
        query = query.where(col(Volunteer.id) == who.id)
    if areas:
        query = query.where(within(col(Volunteer.area), areas))
    if states:
        query = query.where(col(Volunteer.state).in_(states))
    if skills:
        wanted: Any = col(Volunteer.skills)
        query = query.where(wanted.overlap(list(skills)))
    if volunteer_no is not None:
        query = query.where(col(Volunteer.volunteer_no) == volunteer_no)
    return query
