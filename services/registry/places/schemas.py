"""Places and their states over HTTP."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints

from services.registry.places.domain import Kind, State
from shared.pagination import Page
from shared.web import Body, Public

Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Note = Annotated[str, StringConstraints(max_length=500)]
RegionCodeText = Annotated[str, StringConstraints(min_length=1, max_length=20)]

PLACE_EXAMPLE: dict[str, Any] = {
    "id": "0195c2a0-0000-7000-8000-0000000000c1",
    "version": 1,
    "area": "42.01.12.013.001.c01",
    "parent_id": "0195c2a0-0000-7000-8000-000000000001",
    "kind": "compound",
    "name": "常青花园一小区",
    "number": 1,
    "code": None,
    "std_address_code": None,
    "state": "sealed_management",
    "state_id": "0195c2a0-0000-7000-8000-0000000000d1",
    "state_notice_id": "0195c2a0-0000-7000-8000-0000000000e1",
    "abolished_on": None,
    "created_at": "2020-02-01T02:00:00.000Z",
}


class PlaceCreate(Body):
    """A place below another, named by its id or by its official code. ``code`` only for official places."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"parent_code": "420112013001", "kind": "compound", "name": "常青花园一小区"}}
    )

    id: UUID | None = None
    parent_id: UUID | None = None
    parent_code: RegionCodeText | None = None
    kind: Kind
    name: Name
    number: Annotated[int, Field(ge=1, le=999_999)] | None = None
    code: RegionCodeText | None = None
    std_address_code: Annotated[str, StringConstraints(max_length=60)] | None = None


class PlaceUpdate(Body):
    """Merge-patch: what is absent stays."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "常青花园第一小区"}})

    name: Name | None = None
    std_address_code: Annotated[str, StringConstraints(max_length=60)] | None = None


class PlaceAbolish(Body):
    """``replaced_by``: the official code that takes its place, if one does."""

    model_config = ConfigDict(json_schema_extra={"example": {"abolished_on": "2026-01-01"}})

    abolished_on: date | None = None
    replaced_by: RegionCodeText | None = None
    note: Note | None = None


class PlacePublic(Public):
    """A place; ``code`` is its present official code, or the last one of an abolished place."""

    model_config = ConfigDict(json_schema_extra={"example": PLACE_EXAMPLE})

    id: UUID
    version: int
    area: str
    parent_id: UUID | None
    kind: Kind
    name: str
    number: int | None
    code: str | None
    std_address_code: str | None
    state: State
    state_id: UUID | None
    state_notice_id: UUID | None
    abolished_on: date | None
    created_at: datetime


class PlacePage(Page):
    items: list[PlacePublic]


STATE_EXAMPLE: dict[str, Any] = {
    "id": "0195c2a0-0000-7000-8000-0000000000d1",
    "version": 1,
    "area": "42.01.12.013.001.c01.b08",
    "place_id": "0195c2a0-0000-7000-8000-0000000000b8",
    "state": "lockdown_control",
    "from_at": "2020-02-11T00:00:00.000Z",
    "until_at": None,
    "notice_id": None,
    "emergency_id": None,
    "note": None,
    "created_at": "2020-02-11T00:00:00.000Z",
    "revoked_at": None,
    "reason": None,
}


class PlaceStateCreate(Body):
    """Declares a state of a compound, building or entrance, from now unless ``from_at`` says otherwise."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"place_id": "0195c2a0-0000-7000-8000-0000000000b8", "state": "lockdown_control"}}
    )

    id: UUID | None = None
    place_id: UUID
    state: State
    from_at: AwareDatetime | None = None
    until_at: AwareDatetime | None = None
    notice_id: UUID | None = None
    note: Note | None = None


class PlaceStatePublic(Public):
    model_config = ConfigDict(json_schema_extra={"example": STATE_EXAMPLE})

    id: UUID
    version: int
    area: str
    place_id: UUID
    state: State
    from_at: datetime
    until_at: datetime | None
    notice_id: UUID | None
    emergency_id: UUID | None
    note: str | None
    created_at: datetime
    revoked_at: datetime | None
    reason: str | None


class PlaceStatePage(Page):
    items: list[PlaceStatePublic]
