"""Cooperation agreements."""

from datetime import date, datetime
from uuid import UUID

from sqlmodel import Field

from services.registry.rows import Areas, RegistryRow, Texts, moment, required_moment
from shared.database import AreaText


class Agreement(RegistryRow, table=True):
    """``area`` is the community that accepts; ``areas`` the parts of it in which the organization may act."""

    __tablename__ = "agreements"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = Field(sa_type=AreaText)
    organization_id: UUID
    purposes: list[str] = Field(sa_type=Texts)
    areas: list[str] = Field(sa_type=Areas)
    data_classes: list[str] = Field(sa_type=Texts)
    starts_on: date
    ends_on: date
    capacity: str | None = None
    state: str = "proposed"
    proposed_by: UUID
    endorsed_by: UUID | None = None
    endorsed_at: datetime | None = moment()
    accepted_by: UUID | None = None
    accepted_at: datetime | None = moment()
    decided_by: UUID | None = None
    decided_at: datetime | None = moment()
    reason: str | None = None
    created_at: datetime = required_moment()

    @property
    def community_area(self) -> str:
        return self.area
