"""A volunteer: what Order 67 wants kept of the person, only sealed, and what the work needs to know."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field

from services.dispatch.rows import DispatchRow, area_field, areas_field, document, maybe_moment, moment, words


class Volunteer(DispatchRow, table=True):
    """``id`` is the person's. ``area``: the home place; ``serves``: the areas of calls that they were approved for.

    Sealed with class volunteer_record: kept for ten years at least (GB/T 40143-2021), whatever else is erased.
    """

    __tablename__ = "volunteers"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = area_field()
    serves: list[str] = areas_field()
    volunteer_no: str
    state: str = "active"
    reason: str | None = None
    name_sealed: bytes
    phone_sealed: bytes
    id_number_sealed: bytes
    id_number_key: bytes
    health_note_sealed: bytes | None = None
    note_sealed: bytes | None = None
    skills: list[str] = words()
    availability: list[dict[str, Any]] = document()
    carrying_capacity_kg: int
    health_declared_on: date
    trainings: list[dict[str, Any]] = document()
    insured_until: date | None = None
    created_at: datetime = moment()
    suspended_at: datetime | None = maybe_moment()
