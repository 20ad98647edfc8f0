"""Agreements over HTTP."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from shared.areas import AreaPath
from shared.pagination import Page
from shared.web import Body, Public

Purpose = Literal["group_buy", "medicine", "delivery", "incubation", "social_work", "repair", "culture", "training"]
DataClassName = Literal["orders", "household_contacts", "volunteers", "needs"]


class AgreementCreate(Body):
    """Proposed by the organization, or put down by the street on its behalf. ``areas``: the whole community, if left
    out."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "organization_id": "0195c2a0-0000-7000-8000-000000000021",
                "community_area": "42.01.12.013.001",
                "purposes": ["group_buy"],
                "data_classes": ["orders"],
                "starts_on": "2020-02-12",
                "ends_on": "2020-12-31",
                "capacity": "保供超市",
            }
        }
    )

    id: UUID | None = None
    organization_id: UUID
    community_area: AreaPath
    purposes: Annotated[list[Purpose], Field(min_length=1, max_length=8)]
    areas: Annotated[list[AreaPath], Field(max_length=100)] = Field(default_factory=list)
    data_classes: Annotated[list[DataClassName], Field(max_length=4)] = Field(default_factory=list)
    starts_on: date
    ends_on: date
    capacity: Annotated[str, StringConstraints(max_length=200)] | None = None


class AgreementPublic(Public):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "0195c2a0-0000-7000-8000-000000000031",
                "version": 2,
                "area": "42.01.12.013.001",
                "organization_id": "0195c2a0-0000-7000-8000-000000000021",
                "community_area": "42.01.12.013.001",
                "purposes": ["group_buy"],
                "areas": ["42.01.12.013.001"],
                "data_classes": ["orders"],
                "starts_on": "2020-02-12",
                "ends_on": "2020-12-31",
                "capacity": "保供超市",
                "state": "active",
                "proposed_by": "0195c2a0-0000-7000-8000-000000000010",
                "endorsed_by": None,
                "endorsed_at": None,
                "accepted_by": "0195c2a0-0000-7000-8000-000000000013",
                "accepted_at": "2020-02-12T03:00:00.000Z",
                "decided_at": None,
                "reason": None,
                "created_at": "2020-02-12T02:00:00.000Z",
            }
        }
    )

    id: UUID
    version: int
    area: str
    organization_id: UUID
    community_area: str
    purposes: list[str]
    areas: list[str]
    data_classes: list[str]
    starts_on: date
    ends_on: date
    capacity: str | None
    state: Literal["proposed", "active", "declined", "suspended", "ended"]
    proposed_by: UUID
    endorsed_by: UUID | None
    endorsed_at: datetime | None
    accepted_by: UUID | None
    accepted_at: datetime | None
    decided_at: datetime | None
    reason: str | None
    created_at: datetime
    allowed_actions: list[str] | None = None


class AgreementPage(Page):
    items: list[AgreementPublic]
