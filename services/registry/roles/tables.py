"""Role assignments."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from services.registry.rows import RegistryRow, moment, required_moment
from shared.database import AreaText


class Role(RegistryRow, table=True):
    """A person's role in an area or for an organization. ``capacity``: as what they act ("operator of the base")."""

    __tablename__ = "roles"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str | None = Field(default=None, sa_type=AreaText)
    person_id: UUID
    role: str
    organization_id: UUID | None = None
    capacity: str | None = None
    from_at: datetime = required_moment()
    until_at: datetime | None = moment()
    ended_at: datetime | None = moment()
    ended_by: UUID | None = None
    reason: str | None = None
    state: str = "active"
    granted_by: UUID
    created_at: datetime = required_moment()
