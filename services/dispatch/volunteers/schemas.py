"""What goes in and out of volunteers' profiles: masked, unless revealed for a purpose."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from services.dispatch.access import Purpose
from services.dispatch.volunteers.profile import Availability, CarryingCapacity, FullName, Skills, VolunteerHours
from shared.areas import AreaPath
from shared.identifiers import Phone
from shared.pagination import Page
from shared.web import Body, Public, Transition

VolunteerState = Literal["active", "suspended"]
VolunteerField = Literal["name", "phone", "id_number", "health_note", "note"]
SuspensionReason = Literal[
    "incident", "conduct", "health", "training_missing", "identity_doubt", "own_request", "other"
]
Line = Annotated[str, StringConstraints(min_length=1, max_length=120)]

_ID = "0195c2a0-0000-7000-8000-000000000011"
_TRAINING: JsonDict = {
    "name": "上岗防护培训",
    "content": "口罩、手套、防护服的穿脱; 物资消毒。",
    "study_minutes": 30,
    "unit": "常青花园社区卫生服务中心",
    "trained_on": "2020-02-24",
}
_SHOWN: JsonDict = {
    "id": _ID,
    "version": 1,
    "area": "42.01.12.013.001.c01.b08",
    "serves": ["42.01.12.013.001"],
    "volunteer_no": "889863021577",
    "state": "active",
    "reason": None,
    "name": "王*",
    "phone": "138****8000",
    "id_number": "1****************X",
    "health_note": None,
    "note": None,
    "masked": ["id_number", "name", "phone"],
    "skills": ["sorting", "driving"],
    "availability": [{"weekday": 6, "from_time": "08:00", "until_time": "12:00"}],
    "carrying_capacity_kg": 20,
    "health_declared_on": "2020-02-23",
    "trainings": [_TRAINING],
    "insured_until": "2020-12-31",
    "created_at": "2020-02-24T02:00:00.000Z",
    "suspended_at": None,
}


class VolunteerTraining(Public, Body):
    """One training as Order 67 wants it recorded."""

    model_config = ConfigDict(json_schema_extra={"example": _TRAINING})

    name: Line
    content: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    study_minutes: Annotated[int, Field(ge=1, le=60_000)]
    unit: Line
    trained_on: date


class VolunteerUpdate(Body):
    """Merge-patch; a list is replaced whole, ``insured_until: null`` means not insured. Volunteers keep ``area`` (their
    home), ``phone``, ``skills``, ``availability`` and ``carrying_capacity_kg``; staff may change all.
    """

    model_config = ConfigDict(
        json_schema_extra={"example": {"skills": ["sorting", "driving"], "carrying_capacity_kg": 15}}
    )

    area: AreaPath | None = None
    name: FullName | None = None
    phone: Phone | None = None
    skills: Skills | None = None
    availability: Availability | None = None
    carrying_capacity_kg: CarryingCapacity | None = None
    trainings: Annotated[list[VolunteerTraining], Field(max_length=50)] | None = None
    insured_until: date | None = None


class VolunteerSuspend(Transition):
    """``note`` is kept sealed."""

    model_config = ConfigDict(json_schema_extra={"example": {"reason_code": "incident", "note": "搬运时扭伤"}})

    reason_code: SuspensionReason
    note: Annotated[str, StringConstraints(max_length=500)] | None = None


class VolunteerReveal(Body):
    model_config = ConfigDict(json_schema_extra={"example": {"fields": ["name", "phone"], "purpose": "通知上岗"}})

    fields: Annotated[list[VolunteerField], Field(min_length=1, max_length=5)]
    purpose: Purpose = ""


class VolunteerRevealed(Public):
    """Only the fields asked for are filled."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": _ID,
                "name": "王芳",
                "phone": "+8613800138000",
                "id_number": None,
                "health_note": None,
                "note": None,
            }
        }
    )

    id: UUID
    name: str | None
    phone: str | None
    id_number: str | None
    health_note: str | None
    note: str | None


class VolunteerSummary(Public):
    """``id`` is the person's; ``volunteer_no`` stands for them in public. ``masked`` names what is hidden."""

    model_config = ConfigDict(json_schema_extra={"example": _SHOWN})

    id: UUID
    version: int
    area: str
    serves: list[str]
    volunteer_no: str
    state: VolunteerState
    reason: str | None
    name: str | None
    phone: str | None
    id_number: str | None
    health_note: str | None
    note: str | None
    masked: list[str]
    skills: list[str]
    availability: list[VolunteerHours]
    carrying_capacity_kg: int
    health_declared_on: date
    trainings: list[VolunteerTraining]
    insured_until: date | None
    created_at: AwareDatetime
    suspended_at: AwareDatetime | None


class VolunteerPublic(VolunteerSummary):
    """``expand=allowed_actions`` adds what may be done in this state."""

    allowed_actions: list[str] | None = None


class VolunteerPage(Page):
    model_config = ConfigDict(json_schema_extra={"example": {"items": [_SHOWN], "next_cursor": None}})

    items: list[VolunteerSummary]
