"""Households, what became of merged ones, and probable duplicates."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from services.registry.rows import RegistryRow, moment, required_moment
from shared.database import AreaText


class Household(RegistryRow, table=True):
    """``area`` ends at the building or entrance. ``emergency_id``: the emergency under which it was registered."""

    __tablename__ = "households"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = Field(sa_type=AreaText)
    door_sealed: bytes | None = None
    door_key: bytes | None = None
    size: int | None = None
    contact_name_sealed: bytes | None = None
    phone_sealed: bytes | None = None
    phone_key: bytes | None = None
    flags_sealed: bytes | None = None
    flags_basis: str | None = None
    flags_emergency_id: UUID | None = None
    flags_recorded_by: UUID | None = None
    flags_recorded_at: datetime | None = moment()
    priority_class: int = 0
    notify: str
    state: str = "active"
    merged_into: UUID | None = None
    emergency_id: UUID | None = None
    created_by: UUID
    created_at: datetime = required_moment()


class HouseholdDuplicate(RegistryRow, table=True):
    """Two households of one community with one phone: the same family twice, or not."""

    __tablename__ = "household_duplicates"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = Field(sa_type=AreaText)
    first_id: UUID
    second_id: UUID
    state: str = "open"
    decided_by: UUID | None = None
    decided_at: datetime | None = moment()
    reason: str | None = None
    created_at: datetime = required_moment()
