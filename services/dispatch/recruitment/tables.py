"""A call for volunteers, and its places."""

from datetime import date, datetime
from uuid import UUID

from sqlmodel import Field

from services.dispatch.rows import DispatchRow, area_field, areas_field, maybe_moment, moment, words


class RecruitmentCall(DispatchRow, table=True):
    """``area``: the smallest that covers ``areas``. What a draft may still lack is null."""

    __tablename__ = "recruitment_calls"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = area_field()
    areas: list[str] = areas_field()
    state: str = "draft"
    reason: str | None = None
    note: str | None = None
    title: str
    content: str | None = None
    skills: list[str] = words()
    starts_on: date | None = None
    ends_on: date | None = None
    service_hours: str | None = None
    meeting_point: str | None = None
    conditions: str | None = None
    minimum_age: int = 18
    maximum_age: int | None = None
    wanted: int
    how_to_apply: str | None = None
    risks: str | None = None
    protection: str | None = None
    dangerous: bool = False
    insured: bool = False
    training: str | None = None
    organization_id: UUID | None = None
    emergency_id: UUID | None = None
    apply_until: datetime | None = maybe_moment()
    created_by: UUID
    created_at: datetime = moment()
    published_by: UUID | None = None
    published_at: datetime | None = maybe_moment()
    closed_at: datetime | None = maybe_moment()
    cancelled_at: datetime | None = maybe_moment()


class CallPlaces(DispatchRow, table=True):
    """Apart from the call, because every sign-up moves them and none is an event of the call.

    A place is held by a sign-up that is signed_up or approved; ``waiting`` counts the waitlist. Its lock comes before
    the lock of the call and of any sign-up.
    """

    __tablename__ = "recruitment_call_places"

    recruitment_call_id: UUID = Field(primary_key=True)
    places_left: int
    waiting: int = 0
