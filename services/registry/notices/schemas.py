"""Notices over HTTP."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints

from services.registry.emergencies.schemas import AreaList, LegalBasis, Title
from services.registry.places.domain import State
from services.registry.places.schemas import RegionCodeText
from shared.areas import AreaPath
from shared.pagination import Page
from shared.web import Body, Public


class NoticeCreate(Body):
    """A notice of a command or authority. It names its areas by official codes, by area paths, or both."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "number": "第12号",
                "title": "武汉市新冠肺炎疫情防控指挥部通告",
                "issuer": "武汉市新冠肺炎疫情防控指挥部",
                "body": "在全市范围内所有住宅小区实行封闭管理。",
                "region_codes": ["420100000000"],
                "legal_basis": "传染病防治法; 突发事件应对法",
                "place_state": "sealed_management",
                "issued_at": "2020-02-10T12:00:00+08:00",
                "from_at": "2020-02-11T00:00:00+08:00",
            }
        }
    )

    id: UUID | None = None
    message_id: UUID | None = None
    source_id: UUID | None = None
    number: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    title: Title
    issuer: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    body: Annotated[str, StringConstraints(max_length=20_000)] = ""
    areas: Annotated[list[AreaPath], Field(max_length=200)] = Field(default_factory=list)
    region_codes: Annotated[list[RegionCodeText], Field(max_length=200)] = Field(default_factory=list)
    legal_basis: LegalBasis | None = None
    place_state: State | None = None
    issued_at: AwareDatetime
    from_at: AwareDatetime | None = None
    until_at: AwareDatetime | None = None


class NoticeApply(Body):
    """Where to apply it (all of the notice's areas within one's reach, if left out), and what it leaves open."""

    model_config = ConfigDict(json_schema_extra={"example": {"areas": ["42.01.12.013"]}})

    areas: AreaList | None = None
    legal_basis: LegalBasis | None = None
    place_state: State | None = None
    note: Annotated[str, StringConstraints(max_length=500)] | None = None


class NoticePublic(Public):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "0195c2a0-0000-7000-8000-0000000000e1",
                "version": 2,
                "area": "42.01",
                "areas": ["42.01"],
                "message_id": "0195c2a0-0000-7000-8000-0000000000e0",
                "source_id": "0195c2a0-0000-7000-8000-0000000000a0",
                "number": "第12号",
                "title": "武汉市新冠肺炎疫情防控指挥部通告",
                "issuer": "武汉市新冠肺炎疫情防控指挥部",
                "body": "在全市范围内所有住宅小区实行封闭管理。",
                "legal_basis": "传染病防治法",
                "place_state": "sealed_management",
                "issued_at": "2020-02-10T04:00:00.000Z",
                "from_at": "2020-02-10T16:00:00.000Z",
                "until_at": None,
                "state": "applied",
                "applied_areas": ["42.01.12.013"],
                "emergency_id": "0195c2a0-0000-7000-8000-0000000000f1",
                "decided_at": "2020-02-11T01:00:00.000Z",
                "reason": None,
                "created_at": "2020-02-11T00:30:00.000Z",
            }
        }
    )

    id: UUID
    version: int
    area: str
    areas: list[str]
    message_id: UUID | None
    source_id: UUID | None
    number: str
    title: str
    issuer: str
    body: str
    legal_basis: str | None
    place_state: State | None
    issued_at: datetime
    from_at: datetime
    until_at: datetime | None
    state: Literal["received", "applied", "dismissed"]
    applied_areas: list[str]
    emergency_id: UUID | None
    decided_at: datetime | None
    reason: str | None
    created_at: datetime
    allowed_actions: list[str] | None = None


class NoticePage(Page):
    items: list[NoticePublic]
