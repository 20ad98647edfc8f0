"""Emergencies over HTTP."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints

from services.registry.places.domain import State
from shared.areas import AreaPath
from shared.pagination import Page
from shared.web import Body, Public

Title = Annotated[str, StringConstraints(min_length=1, max_length=200)]
LegalBasis = Annotated[str, StringConstraints(min_length=1, max_length=500)]
AreaList = Annotated[list[AreaPath], Field(min_length=1, max_length=200)]


class EmergencyCreate(Body):
    """Opens an emergency; ``place_state`` is the measure that compounds created later come under."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "areas": ["42.01.12.013"],
                "title": "新冠肺炎疫情防控",
                "legal_basis": "突发事件应对法; 武汉市新冠肺炎疫情防控指挥部通告（第12号）",
                "place_state": "sealed_management",
            }
        }
    )

    id: UUID | None = None
    areas: AreaList
    title: Title
    legal_basis: LegalBasis
    notice_id: UUID | None = None
    place_state: State | None = None
    from_at: AwareDatetime | None = None


class EmergencyPublic(Public):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "0195c2a0-0000-7000-8000-0000000000f1",
                "version": 1,
                "area": "42.01.12.013",
                "areas": ["42.01.12.013"],
                "title": "新冠肺炎疫情防控",
                "legal_basis": "突发事件应对法",
                "notice_id": "0195c2a0-0000-7000-8000-0000000000e1",
                "place_state": "sealed_management",
                "from_at": "2020-02-11T00:00:00.000Z",
                "closed_at": None,
                "reason": None,
                "state": "active",
                "created_at": "2020-02-11T00:00:00.000Z",
            }
        }
    )

    id: UUID
    version: int
    area: str
    areas: list[str]
    title: str
    legal_basis: str
    notice_id: UUID | None
    place_state: State | None
    from_at: datetime
    closed_at: datetime | None
    reason: str | None
    state: Literal["active", "closed"]
    created_at: datetime


class EmergencyPage(Page):
    items: list[EmergencyPublic]
