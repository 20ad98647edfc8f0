"""Households over HTTP: masked, unless revealed for a purpose."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from services.registry.access import Purpose
from services.registry.households.domain import ConsentHow, Flag, Notify, normal_unit
from shared.areas import AreaPath
from shared.identifiers import Phone
from shared.pagination import Page
from shared.web import Body, Public

Unit = Annotated[str, StringConstraints(min_length=1, max_length=20), AfterValidator(normal_unit)]
Floor = Annotated[int, Field(ge=-5, le=150)]
Size = Annotated[int, Field(ge=0, le=50)]
ContactName = Annotated[str, StringConstraints(min_length=1, max_length=60)]
HouseholdField = Literal["contact_name", "phone", "door", "flags"]
Flags = Annotated[list[Flag], Field(max_length=6)]


class HouseholdCreate(Body):
    """A home in a building or entrance. Flags need ``flags_consent`` (how it was given), except in an emergency."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "area": "42.01.12.013.001.c01.b08.e1",
                "floor": 12,
                "unit": "1201",
                "size": 2,
                "contact_name": "王芳",
                "phone": "13800138000",
                "flags": ["elderly_alone"],
                "flags_consent": "oral",
                "notify": "call",
            }
        }
    )

    id: UUID | None = None
    area: AreaPath
    floor: Floor | None = None
    unit: Unit
    size: Size | None = None
    contact_name: ContactName | None = None
    phone: Phone | None = None
    flags: Flags = Field(default_factory=list)
    flags_consent: ConsentHow | None = None
    notify: Notify | None = None


class HouseholdUpdate(Body):
    """Merge-patch: absent = unchanged, null = clear. ``flags: []`` clears them."""

    model_config = ConfigDict(json_schema_extra={"example": {"phone": "13900139000", "notify": "sms"}})

    size: Size | None = None
    contact_name: ContactName | None = None
    phone: Phone | None = None
    flags: Flags | None = None
    flags_consent: ConsentHow | None = None
    notify: Notify | None = None


class HouseholdPublic(Public):
    """``masked`` names the fields that are hidden; a hidden ``flags`` is null. A merged household names its heir."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "0195c2a0-0000-7000-8000-000000000041",
                "version": 1,
                "area": "42.01.12.013.001.c01.b08.e1",
                "door": "****",
                "size": 2,
                "contact_name": "王*",
                "phone": "138****8000",
                "flags": None,
                "priority_class": 2,
                "notify": "call",
                "masked": ["contact_name", "door", "flags", "phone"],
                "state": "active",
                "merged_into": None,
                "emergency_id": None,
                "created_at": "2020-02-12T02:00:00.000Z",
            }
        }
    )

    id: UUID
    version: int
    area: str
    door: str | None
    size: int | None
    contact_name: str | None
    phone: str | None
    flags: list[str] | None
    priority_class: int
    notify: Notify
    masked: list[str]
    state: Literal["active", "merged"]
    merged_into: UUID | None
    emergency_id: UUID | None
    created_at: datetime


class HouseholdPage(Page):
    items: list[HouseholdPublic]


class HouseholdReveal(Body):
    model_config = ConfigDict(json_schema_extra={"example": {"fields": ["phone", "door"], "purpose": "电话回访"}})

    fields: Annotated[list[HouseholdField], Field(min_length=1, max_length=4)]
    purpose: Purpose = ""


class HouseholdContact(Public):
    """Fields in clear; those not asked for are null. ``missing``: no such household any more."""

    household_id: UUID
    area: str | None
    contact_name: str | None
    phone: str | None
    floor: int | None
    unit: str | None
    flags: list[str] | None
    missing: bool


class HouseholdSearch(Body):
    """By phone, or by area and unit."""

    model_config = ConfigDict(json_schema_extra={"example": {"area": "42.01.12.013.001.c01.b08.e1", "unit": "1201"}})

    phone: Phone | None = None
    area: AreaPath | None = None
    unit: Unit | None = None


class HouseholdsFound(Public):
    items: list[HouseholdPublic]


class DoorRow(Body):
    """One door: below a compound, building or entrance, as people write it."""

    row_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    area: AreaPath
    building: Annotated[str, StringConstraints(max_length=40)] | None = None
    entrance: Annotated[str, StringConstraints(max_length=40)] | None = None
    unit: Annotated[str, StringConstraints(min_length=1, max_length=20)]


class HouseholdResolve(Body):
    """Doors to be found, for a purpose that is written down."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "purpose": "接龙导入",
                "rows": [
                    {"row_id": "3", "area": "42.01.12.013.001.c01", "building": "8", "entrance": "1", "unit": "1201"}
                ],
            }
        }
    )

    purpose: Purpose = ""
    reference: UUID | None = None
    rows: Annotated[list[DoorRow], Field(min_length=1, max_length=500)]


class DoorResolved(Public):
    """None, one or (an entrance was not given) several households."""

    row_id: str
    household_ids: list[UUID]


class DoorsResolved(Public):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {"rows": [{"row_id": "3", "household_ids": ["0195c2a0-0000-7000-8000-000000000041"]}]}
        }
    )

    rows: list[DoorResolved]


class ContactsWanted(Body):
    """Contacts of these households, for a purpose that is written down; ``reference`` names the run or order."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "purpose": "派送联系",
                "household_ids": ["0195c2a0-0000-7000-8000-000000000041"],
                "fields": ["phone", "door"],
            }
        }
    )

    purpose: Purpose = ""
    reference: UUID | None = None
    household_ids: Annotated[list[UUID], Field(min_length=1, max_length=500)]
    fields: Annotated[list[HouseholdField], Field(min_length=1, max_length=4)]


class ContactsGiven(Public):
    rows: list[HouseholdContact]


class HouseholdMerge(Body):
    """``into_id``: the one that stays."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"into_id": "0195c2a0-0000-7000-8000-000000000042", "note": "同一家人"}}
    )

    into_id: UUID
    note: Annotated[str, StringConstraints(max_length=200)] | None = None


class HouseholdDuplicatePublic(Public):
    id: UUID
    version: int
    area: str
    first_id: UUID
    second_id: UUID
    state: Literal["open", "dismissed", "merged"]
    decided_at: datetime | None
    reason: str | None
    created_at: datetime


class HouseholdDuplicatePage(Page):
    items: list[HouseholdDuplicatePublic]


class SlipsWanted(Body):
    """Claim codes of an area, to be printed and handed to each door."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"area": "42.01.12.013.001.c01", "purpose": "发放认领码", "format": "pdf"}}
    )

    area: AreaPath
    purpose: Purpose = ""
    format: Literal["pdf", "csv"] = "pdf"
