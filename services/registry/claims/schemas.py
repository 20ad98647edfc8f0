"""Claims over HTTP."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from services.registry.households.schemas import Unit
from shared.areas import AreaPath
from shared.identifiers import SpokenCode
from shared.pagination import Page
from shared.web import Body, Public


class HouseholdClaimCreate(Body):
    """ "I live there": a household by its id, or by building or entrance and unit. With the code on paper it counts at
    once; a wrong code leaves the claim pending, and the number of tries is limited."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"area": "42.01.12.013.001.c01.b08.e1", "unit": "1201", "code": "123456788"}}
    )

    id: UUID | None = None
    household_id: UUID | None = None
    area: AreaPath | None = None
    unit: Unit | None = None
    code: Annotated[SpokenCode, StringConstraints(max_length=20)] | None = Field(default=None)


class HouseholdClaimPublic(Public):
    """``code_result``: what became of the code given last; ``exhausted`` asks for the building head or a worker."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "0195c2a0-0000-7000-8000-000000000051",
                "version": 2,
                "area": "42.01.12.013.001.c01.b08.e1",
                "household_id": "0195c2a0-0000-7000-8000-000000000041",
                "person_id": "0195c2a0-0000-7000-8000-000000000011",
                "state": "confirmed",
                "code_result": "accepted",
                "confirmed_how": "code",
                "decided_at": "2020-02-12T03:00:00.000Z",
                "reason": None,
                "created_at": "2020-02-12T03:00:00.000Z",
            }
        }
    )

    id: UUID
    version: int
    area: str
    household_id: UUID
    person_id: UUID
    state: Literal["pending", "confirmed", "refused"]
    code_result: Literal["accepted", "wrong", "exhausted"] | None
    confirmed_how: Literal["code", "building_head", "worker"] | None
    decided_at: datetime | None
    reason: str | None
    created_at: datetime
    allowed_actions: list[str] | None = None


class HouseholdClaimPage(Page):
    items: list[HouseholdClaimPublic]
