"""Places from the city to the entrance, their official codes, the states declared for them."""

from datetime import date, datetime
from uuid import UUID

from sqlmodel import Field

from services.registry.rows import RegistryRow, moment, required_moment
from shared.database import AreaText


class Place(RegistryRow, table=True):
    """``state``, ``state_id`` and ``state_notice_id`` repeat the declared state that is in force."""

    __tablename__ = "places"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = Field(sa_type=AreaText)
    parent_id: UUID | None = None
    kind: str
    name: str
    number: int | None = None
    std_address_code: str | None = None
    state: str = "open"
    state_id: UUID | None = None
    state_notice_id: UUID | None = None
    abolished_on: date | None = None
    created_at: datetime = required_moment()


class PlaceCode(RegistryRow, table=True):
    """An official 12-digit code names a place from a day to a day; ``valid_from`` is null for the first list."""

    __tablename__ = "place_codes"

    code: str = Field(primary_key=True)
    place_id: UUID = Field(primary_key=True)
    valid_from: date | None = None
    valid_until: date | None = None
    replaced_by: str | None = None


class PlaceState(RegistryRow, table=True):
    """A state declared for a compound or building, for a time, with the notice that it came from."""

    __tablename__ = "place_states"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = Field(sa_type=AreaText)
    place_id: UUID
    state: str
    from_at: datetime = required_moment()
    until_at: datetime | None = moment()
    notice_id: UUID | None = None
    emergency_id: UUID | None = None
    note: str | None = None
    created_by: UUID
    created_at: datetime = required_moment()
    revoked_at: datetime | None = moment()
    revoked_by: UUID | None = None
    reason: str | None = None
