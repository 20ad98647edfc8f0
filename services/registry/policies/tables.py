"""Policies."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.registry.rows import RegistryRow, moment, required_moment
from shared.database import AreaText


class Policy(RegistryRow, table=True):
    """The values of one kind for an area, from a time on."""

    __tablename__ = "policies"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = Field(sa_type=AreaText)
    kind: str
    values: dict[str, Any] = Field(sa_type=JSONB)
    valid_from: datetime = required_moment()
    valid_until: datetime | None = moment()
    state: str = "active"
    created_by: UUID
    created_at: datetime = required_moment()
    ended_by: UUID | None = None
