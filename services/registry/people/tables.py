"""People: name, phone and identity number only sealed."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from services.registry.rows import RegistryRow, required_moment
from shared.database import AreaText


class Person(RegistryRow, table=True):
    """``area``: where somebody without a phone was registered; a person who signed in by phone has none."""

    __tablename__ = "people"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str | None = Field(default=None, sa_type=AreaText)
    name_sealed: bytes | None = None
    phone_sealed: bytes | None = None
    phone_key: bytes | None = None
    id_number_sealed: bytes | None = None
    id_number_key: bytes | None = None
    state: str = "active"
    emergency_id: UUID | None = None
    created_by: UUID
    created_at: datetime = required_moment()
