"""Emergencies."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from services.registry.rows import Areas, RegistryRow, moment, required_moment
from shared.database import AreaText


class Emergency(RegistryRow, table=True):
    """``area`` is the smallest that covers ``areas``; ``place_state`` is the measure that new compounds come under."""

    __tablename__ = "emergencies"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = Field(sa_type=AreaText)
    areas: list[str] = Field(sa_type=Areas)
    title: str
    legal_basis: str
    notice_id: UUID | None = None
    place_state: str | None = None
    from_at: datetime = required_moment()
    closed_at: datetime | None = moment()
    closed_by: UUID | None = None
    reason: str | None = None
    state: str = "active"
    created_by: UUID
    created_at: datetime = required_moment()
