"""What goes in and out of sign-ups: masked, unless revealed for a purpose."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from services.dispatch.access import Purpose
from services.dispatch.volunteers.profile import Availability, CarryingCapacity, FullName, Skills, VolunteerHours
from shared.areas import AreaPath
from shared.identifiers import Phone, ResidentId
from shared.openapi import ProblemDocument
from shared.pagination import Page
from shared.web import Body, Public, Transition

SignUpState = Literal["signed_up", "waitlisted", "approved", "refused", "withdrawn"]
SignUpField = Literal["name", "phone", "id_number", "health_note", "note"]
RefusalReason = Literal[
    "conditions_not_met",
    "skills_not_needed",
    "hours_do_not_fit",
    "home_too_far",
    "health",
    "identity_unverified",
    "unreachable",
    "conduct",
    "call_filled",
    "other",
]
WithdrawalReason = Literal["own_decision", "unwell", "no_time", "other"]
Note = Annotated[str, StringConstraints(max_length=500)]

_ID = "0195c2a0-0000-7000-8000-000000000071"
_CALL = "0195c2a0-0000-7000-8000-000000000061"
_PROFILE: JsonDict = {
    "home_area": "42.01.12.013.001.c01.b08",
    "skills": ["sorting", "driving"],
    "availability": [{"weekday": 6, "from_time": "08:00", "until_time": "12:00"}],
    "carrying_capacity_kg": 20,
}
_SHOWN: JsonDict = _PROFILE | {
    "id": _ID,
    "version": 1,
    "area": "42.01.12.013",
    "recruitment_call_id": _CALL,
    "person_id": "0195c2a0-0000-7000-8000-000000000011",
    "state": "signed_up",
    "reason": None,
    "name": "王*",
    "phone": "138****8000",
    "id_number": "1****************X",
    "age": 34,
    "health_note": None,
    "note": None,
    "masked": ["id_number", "name", "phone"],
    "health_declared_on": "2020-02-23",
    "created_at": "2020-02-23T03:00:00.000Z",
    "promoted_at": None,
    "decided_at": None,
    "decided_by": None,
}


class SignUpHealth(Body):
    """What the person declares of the last 14 days; ``note``: what the work should heed, such as a bad back."""

    fit_to_serve: bool
    symptoms: bool
    contact_with_case: bool
    note: Annotated[str, StringConstraints(min_length=1, max_length=300)] | None = None


class SignUpCreate(Body):
    """``risks_read``: the person has read the call with its risks. ``consent``: to the keeping of identity, contact and
    health declaration as a volunteer record; without it nothing is kept.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": _PROFILE
            | {
                "recruitment_call_id": _CALL,
                "name": "王芳",
                "phone": "13800138000",
                "id_number": "11010519491231002X",
                "health": {"fit_to_serve": True, "symptoms": False, "contact_with_case": False, "note": None},
                "risks_read": True,
                "consent": True,
            }
        }
    )

    id: UUID | None = None
    recruitment_call_id: UUID
    name: FullName
    phone: Phone
    id_number: ResidentId
    home_area: AreaPath
    skills: Skills = Field(default_factory=list)
    availability: Availability = Field(default_factory=list)
    carrying_capacity_kg: CarryingCapacity
    health: SignUpHealth
    risks_read: bool
    consent: bool


class SignUpRefuse(Transition):
    """``note`` is for the applicant and kept sealed."""

    model_config = ConfigDict(json_schema_extra={"example": {"reason_code": "hours_do_not_fit", "note": "只缺早班"}})

    reason_code: RefusalReason
    note: Note | None = None


class SignUpWithdraw(Transition):
    model_config = ConfigDict(json_schema_extra={"example": {"reason_code": "no_time"}})

    reason_code: WithdrawalReason = "own_decision"


class SignUpReveal(Body):
    model_config = ConfigDict(
        json_schema_extra={"example": {"fields": ["name", "phone"], "purpose": "电话核实报名信息"}}
    )

    fields: Annotated[list[SignUpField], Field(min_length=1, max_length=5)]
    purpose: Purpose = ""


class SignUpRevealed(Public):
    """Only the fields asked for are filled; null also when nothing is kept."""

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


class SignUpSummary(Public):
    """``masked`` names what is hidden, in part or whole; what a refusal or withdrawal has deleted is null."""

    model_config = ConfigDict(json_schema_extra={"example": _SHOWN})

    id: UUID
    version: int
    area: str
    home_area: str
    recruitment_call_id: UUID
    person_id: UUID
    state: SignUpState
    reason: str | None
    name: str | None
    phone: str | None
    id_number: str | None
    age: int | None
    health_note: str | None
    note: str | None
    masked: list[str]
    skills: list[str]
    availability: list[VolunteerHours]
    carrying_capacity_kg: int
    health_declared_on: date
    created_at: AwareDatetime
    promoted_at: AwareDatetime | None
    decided_at: AwareDatetime | None
    decided_by: UUID | None


class SignUpPublic(SignUpSummary):
    """``expand=allowed_actions`` adds what may be done in this state."""

    allowed_actions: list[str] | None = None


class SignUpPage(Page):
    model_config = ConfigDict(json_schema_extra={"example": {"items": [_SHOWN], "next_cursor": None}})

    items: list[SignUpSummary]


class SignUpBatchRow(Body):
    """``row_id`` is the caller's own mark of the row, without spaces."""

    row_id: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[!-~]+$")]
    sign_up_id: UUID


class SignUpBatchRefusal(SignUpBatchRow):
    reason_code: RefusalReason
    note: Note | None = None


class SignUpBatchApprove(Body):
    """``atomic``: all or none."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"atomic": False, "rows": [{"row_id": "1", "sign_up_id": _ID}]}}
    )

    atomic: bool = False
    rows: Annotated[list[SignUpBatchRow], Field(min_length=1, max_length=500)]


class SignUpBatchRefuse(Body):
    """``atomic``: all or none."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "atomic": False,
                "rows": [{"row_id": "1", "sign_up_id": _ID, "reason_code": "home_too_far", "note": None}],
            }
        }
    )

    atomic: bool = False
    rows: Annotated[list[SignUpBatchRefusal], Field(min_length=1, max_length=500)]


class SignUpBatchRowOutcome(Public):
    row_id: str
    outcome: Literal["updated", "unchanged", "rejected"]
    id: UUID
    problem: ProblemDocument | None


class SignUpBatchOutcome(Public):
    model_config = ConfigDict(
        json_schema_extra={"example": {"rows": [{"row_id": "1", "outcome": "updated", "id": _ID, "problem": None}]}}
    )

    rows: list[SignUpBatchRowOutcome]
