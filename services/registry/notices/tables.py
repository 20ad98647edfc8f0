"""Notices."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from services.registry.rows import Areas, RegistryRow, moment, required_moment
from shared.database import AreaText


class Notice(RegistryRow, table=True):
    """``message_id`` is the gateway's incoming message; ``applied_areas`` says where it was applied so far."""

    __tablename__ = "notices"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = Field(sa_type=AreaText)
    areas: list[str] = Field(sa_type=Areas)
    message_id: UUID | None = None
    source_id: UUID | None = None
    number: str
    title: str
    issuer: str
    body: str
    legal_basis: str | None = None
    place_state: str | None = None
    issued_at: datetime = required_moment()
    from_at: datetime = required_moment()
    until_at: datetime | None = moment()
    state: str = "received"
    applied_areas: list[str] = Field(default_factory=list, sa_type=Areas)
    emergency_id: UUID | None = None
    decided_by: UUID | None = None
    decided_at: datetime | None = moment()
    reason: str | None = None
    created_at: datetime = required_moment()
