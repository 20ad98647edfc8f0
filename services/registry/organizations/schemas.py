"""Organizations over HTTP."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, StringConstraints

from services.registry.organizations.domain import Kind
from services.registry.places.schemas import RegionCodeText
from shared.areas import AreaPath
from shared.identifiers import Uscc
from shared.pagination import Page
from shared.web import Body, Public

Name = Annotated[str, StringConstraints(min_length=1, max_length=120)]
FilingNo = Annotated[str, StringConstraints(min_length=1, max_length=60)]


class OrganizationCreate(Body):
    """Its home is an area, or the place that an official code names."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "kind": "store",
                "name": "中百仓储常青花园店",
                "uscc": "91350100M000100Y43",
                "area": "42.01.12.013",
            }
        }
    )

    id: UUID | None = None
    kind: Kind
    name: Name
    short_name: Name | None = None
    uscc: Uscc | None = None
    filing_no: FilingNo | None = None
    area: AreaPath | None = None
    region_code: RegionCodeText | None = None


class OrganizationUpdate(Body):
    """Merge-patch: absent = unchanged, null = clear."""

    model_config = ConfigDict(json_schema_extra={"example": {"short_name": "中百常青店"}})

    name: Name | None = None
    short_name: Name | None = None
    uscc: Uscc | None = None
    filing_no: FilingNo | None = None


class OrganizationPublic(Public):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "0195c2a0-0000-7000-8000-000000000021",
                "version": 1,
                "area": "42.01.12.013",
                "kind": "store",
                "name": "中百仓储常青花园店",
                "short_name": None,
                "uscc": "91350100M000100Y43",
                "filing_no": None,
                "state": "active",
                "closed_at": None,
                "reason": None,
                "created_at": "2020-02-12T02:00:00.000Z",
            }
        }
    )

    id: UUID
    version: int
    area: str
    kind: Kind
    name: str
    short_name: str | None
    uscc: str | None
    filing_no: str | None
    state: Literal["active", "closed"]
    closed_at: datetime | None
    reason: str | None
    created_at: datetime


class OrganizationPage(Page):
    items: list[OrganizationPublic]
