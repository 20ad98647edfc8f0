"""Proxy consents over HTTP."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict

from services.registry.consents.domain import GivenHow, ProxyRole
from shared.areas import AreaPath
from shared.pagination import Page
from shared.web import Body, Public


class ConsentCreate(Body):
    """To one person, or to whoever holds a role in an area: the household's community, if ``role_area`` is left out."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "household_id": "0195c2a0-0000-7000-8000-000000000041",
                "role": "community_worker",
                "given_how": "phone",
                "until_at": "2020-05-01T00:00:00+08:00",
            }
        }
    )

    id: UUID | None = None
    household_id: UUID
    person_id: UUID | None = None
    role: ProxyRole | None = None
    role_area: AreaPath | None = None
    given_how: GivenHow
    until_at: AwareDatetime


class ConsentPublic(Public):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "0195c2a0-0000-7000-8000-000000000061",
                "version": 1,
                "area": "42.01.12.013.001.c01.b08.e1",
                "household_id": "0195c2a0-0000-7000-8000-000000000041",
                "person_id": None,
                "role": "community_worker",
                "role_area": "42.01.12.013.001",
                "given_how": "phone",
                "recorded_by": "0195c2a0-0000-7000-8000-000000000010",
                "until_at": "2020-04-30T16:00:00.000Z",
                "state": "active",
                "ended_at": None,
                "created_at": "2020-02-12T03:00:00.000Z",
            }
        }
    )

    id: UUID
    version: int
    area: str
    household_id: UUID
    person_id: UUID | None
    role: str | None
    role_area: str | None
    given_how: GivenHow
    recorded_by: UUID
    until_at: datetime
    state: Literal["active", "withdrawn", "expired"]
    ended_at: datetime | None
    created_at: datetime


class ConsentPage(Page):
    items: list[ConsentPublic]
