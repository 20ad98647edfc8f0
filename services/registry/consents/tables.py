"""Proxy consents: who may order for a household."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from services.registry.rows import RegistryRow, moment, required_moment
from shared.database import AreaText


class Consent(RegistryRow, table=True):
    """To one person, or to whoever holds ``role`` in ``role_area``."""

    __tablename__ = "consents"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = Field(sa_type=AreaText)
    household_id: UUID
    person_id: UUID | None = None
    role: str | None = None
    role_area: str | None = Field(default=None, sa_type=AreaText)
    given_how: str
    recorded_by: UUID
    until_at: datetime = required_moment()
    state: str = "active"
    ended_at: datetime | None = moment()
    ended_by: UUID | None = None
    emergency_id: UUID | None = None
    created_at: datetime = required_moment()
