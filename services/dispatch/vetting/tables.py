"""A sign-up for a call, and what was decided on many of them at once."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field

from services.dispatch.rows import DispatchRow, area_field, document, maybe_moment, moment, words


class SignUp(DispatchRow, table=True):
    """``area``: the call's, where it is vetted; ``home_area``: where the person lives.

    What is sealed stays while the sign-up may lead, or has led, to service, and goes with its refusal or withdrawal.
    """

    __tablename__ = "sign_ups"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = area_field()
    home_area: str = area_field()
    recruitment_call_id: UUID
    person_id: UUID
    state: str
    reason: str | None = None
    name_sealed: bytes | None = None
    phone_sealed: bytes | None = None
    id_number_sealed: bytes | None = None
    id_number_key: bytes | None = None
    health_note_sealed: bytes | None = None
    note_sealed: bytes | None = None
    skills: list[str] = words()
    availability: list[dict[str, Any]] = document()
    carrying_capacity_kg: int
    health_declared_on: date
    created_at: datetime = moment()
    promoted_at: datetime | None = maybe_moment()
    decided_at: datetime | None = maybe_moment()
    decided_by: UUID | None = None


class VettingBatch(DispatchRow, table=True):
    """What one bulk act did, row by row: the answer when its key is used again. Ids and codes only."""

    __tablename__ = "vetting_batches"

    id: UUID = Field(primary_key=True)
    action: str
    created_by: UUID
    created_at: datetime = moment()
    results: list[dict[str, Any]] = document()
