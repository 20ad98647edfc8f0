"""What an upload has checked and sealed, until it is confirmed."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from services.registry.rows import RegistryRow, moment
from shared.database import AreaText


class StagedPlace(RegistryRow, table=True):
    """A place to be added, with its key already minted."""

    __tablename__ = "staged_places"

    job_id: UUID = Field(primary_key=True)
    area: str = Field(primary_key=True, sa_type=AreaText)
    place_id: UUID
    parent_id: UUID
    kind: str
    name: str
    number: int | None = None


class StagedHousehold(RegistryRow, table=True):
    """A household to be added, with its code on paper and its proxy consent; nothing personal in clear."""

    __tablename__ = "staged_households"

    job_id: UUID = Field(primary_key=True)
    household_id: UUID = Field(primary_key=True)
    emergency_id: UUID | None = None
    area: str = Field(sa_type=AreaText)
    door_sealed: bytes
    door_key: bytes
    size: int | None = None
    contact_name_sealed: bytes | None = None
    phone_sealed: bytes | None = None
    phone_key: bytes | None = None
    flags_sealed: bytes | None = None
    flags_basis: str | None = None
    priority_class: int
    notify: str
    code_key: bytes
    code_sealed: bytes
    consent_id: UUID | None = None
    consent_role: str | None = None
    consent_area: str | None = Field(default=None, sa_type=AreaText)
    consent_how: str | None = None
    consent_until: datetime | None = moment()
