"""Roles over HTTP."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, StringConstraints

from services.registry.roles.domain import RoleName
from shared.areas import AreaPath
from shared.pagination import Page
from shared.web import Body, Public


class RoleCreate(Body):
    """Gives a role in an area, or (store_manager, organization_manager) for an organization."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "person_id": "0195c2a0-0000-7000-8000-000000000011",
                "role": "building_head",
                "area": "42.01.12.013.001.c01.b08",
            }
        }
    )

    id: UUID | None = None
    person_id: UUID
    role: RoleName
    area: AreaPath | None = None
    organization_id: UUID | None = None
    capacity: Annotated[str, StringConstraints(max_length=200)] | None = None
    from_at: AwareDatetime | None = None
    until_at: AwareDatetime | None = None


class RolePublic(Public):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "0195c2a0-0000-7000-8000-000000000012",
                "version": 1,
                "area": "42.01.12.013.001.c01.b08",
                "person_id": "0195c2a0-0000-7000-8000-000000000011",
                "role": "building_head",
                "organization_id": None,
                "capacity": None,
                "from_at": "2020-02-12T02:00:00.000Z",
                "until_at": None,
                "ended_at": None,
                "reason": None,
                "state": "active",
                "granted_by": "0195c2a0-0000-7000-8000-000000000010",
                "created_at": "2020-02-12T02:00:00.000Z",
            }
        }
    )

    id: UUID
    version: int
    area: str | None
    person_id: UUID
    role: str
    organization_id: UUID | None
    capacity: str | None
    from_at: datetime
    until_at: datetime | None
    ended_at: datetime | None
    reason: str | None
    state: Literal["active", "ended"]
    granted_by: UUID
    created_at: datetime


class RolePage(Page):
    items: list[RolePublic]
