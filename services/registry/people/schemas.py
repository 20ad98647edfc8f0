"""People over HTTP: masked, unless revealed for a purpose."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from services.registry.access import Purpose
from shared.areas import AreaPath
from shared.identifiers import Phone, ResidentId
from shared.pagination import Page
from shared.web import Body, Public

PersonField = Literal["name", "phone", "id_number"]
FullName = Annotated[str, StringConstraints(min_length=1, max_length=60)]


class PersonCreate(Body):
    """Somebody whom a worker registers, with or without a phone."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"name": "王芳", "phone": "13800138000", "area": "42.01.12.013.001"}}
    )

    id: UUID | None = None
    name: FullName
    phone: Phone | None = None
    id_number: ResidentId | None = None
    area: AreaPath


class PersonUpdate(Body):
    """Merge-patch: absent = unchanged, null = clear (not the name)."""

    model_config = ConfigDict(json_schema_extra={"example": {"phone": "13900139000"}})

    name: FullName | None = None
    phone: Phone | None = None
    id_number: ResidentId | None = None


class PersonEnsure(Body):
    """The verified phone behind a sign-in; ``name`` is taken over when none is known."""

    model_config = ConfigDict(json_schema_extra={"example": {"phone": "+8613800138000"}})

    phone: Phone
    name: FullName | None = None


class PersonSearch(Body):
    """Exactly one of both."""

    model_config = ConfigDict(json_schema_extra={"example": {"phone": "13800138000"}})

    phone: Phone | None = None
    id_number: ResidentId | None = None


class PersonReveal(Body):
    model_config = ConfigDict(json_schema_extra={"example": {"fields": ["phone"], "purpose": "电话核实报名信息"}})

    fields: Annotated[list[PersonField], Field(min_length=1, max_length=3)]
    purpose: Purpose = ""


class PersonPublic(Public):
    """``masked`` names the fields that are hidden in part; null means not known, or erased."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "0195c2a0-0000-7000-8000-000000000011",
                "version": 1,
                "area": "42.01.12.013.001",
                "name": "王*",
                "phone": "138****8000",
                "id_number": None,
                "masked": ["name", "phone"],
                "state": "active",
                "created_at": "2020-02-12T02:00:00.000Z",
            }
        }
    )

    id: UUID
    version: int
    area: str | None
    name: str | None
    phone: str | None
    id_number: str | None
    masked: list[str]
    state: Literal["active", "erased"]
    created_at: datetime


class PersonPage(Page):
    items: list[PersonPublic]


class PersonFound(Public):
    """What a search found; ``items`` is empty or holds one."""

    items: list[PersonPublic]


class PersonRevealed(Public):
    """Only the fields asked for are filled."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "0195c2a0-0000-7000-8000-000000000011",
                "name": None,
                "phone": "+8613800138000",
                "id_number": None,
            }
        }
    )

    id: UUID
    name: str | None
    phone: str | None
    id_number: str | None
