"""Organizations of every kind."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from services.registry.rows import RegistryRow, moment, required_moment
from shared.database import AreaText


class Organization(RegistryRow, table=True):
    """``area``: where it is at home. A store keeps this id as a trading partner in orders."""

    __tablename__ = "organizations"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = Field(sa_type=AreaText)
    kind: str
    name: str
    short_name: str | None = None
    uscc: str | None = None
    filing_no: str | None = None
    state: str = "active"
    closed_at: datetime | None = moment()
    reason: str | None = None
    created_by: UUID
    created_at: datetime = required_moment()
