"""What goes in and out of calls for volunteers."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from services.dispatch.volunteers.profile import Skills
from shared.areas import AreaPath
from shared.pagination import Page
from shared.web import Body, Public, Transition

CallState = Literal["draft", "published", "closed", "cancelled"]
Line = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Prose = Annotated[str, StringConstraints(min_length=1, max_length=4000)]
Areas = Annotated[list[AreaPath], Field(min_length=1, max_length=200, description="Where the volunteers will serve.")]
Wanted = Annotated[int, Field(ge=1, le=100_000)]
MinimumAge = Annotated[int, Field(ge=18, le=100)]
MaximumAge = Annotated[int, Field(ge=18, le=120)]
Note = Annotated[str, StringConstraints(max_length=500)]

_FACTS: JsonDict = {
    "areas": ["42.01.12.013.001", "42.01.12.013.002"],
    "title": "常青花园社区志愿者招募",
    "content": "卸货、分拣、门岗秩序, 帮助老人取菜。",
    "skills": ["sorting", "gate_duty"],
    "starts_on": "2020-02-24",
    "ends_on": "2020-03-31",
    "service_hours": "每天 8:00–18:00, 每班 4 小时",
    "meeting_point": "社区居委会门口",
    "conditions": "身体健康, 14 天内无发热, 住在本社区。",
    "minimum_age": 18,
    "maximum_age": 60,
    "wanted": 100,
    "how_to_apply": "在本应用内报名。",
    "risks": "与居民有接触, 有感染风险; 需要搬运重物。",
    "protection": "发放口罩、手套、防护服, 购买意外保险。",
    "dangerous": True,
    "insured": True,
    "training": "上岗前半小时防护培训。",
    "organization_id": None,
    "emergency_id": None,
    "apply_until": "2020-02-29T10:00:00.000Z",
}
_MADE: JsonDict = {
    "id": "0195c2a0-0000-7000-8000-000000000061",
    "version": 2,
    "area": "42.01.12.013",
    "state": "published",
    "reason": None,
    "created_at": "2020-02-23T02:00:00.000Z",
    "published_at": "2020-02-23T02:30:00.000Z",
}
_REST: JsonDict = {
    "note": None,
    "places": [
        {"area": "42.01.12.013.001", "name": "常青花园一社区"},
        {"area": "42.01.12.013.002", "name": "常青花园二社区"},
    ],
    "published_by": "0195c2a0-0000-7000-8000-000000000011",
    "closed_at": None,
    "cancelled_at": None,
}


class RecruitmentCallCreate(Body):
    """A draft: only ``title``, ``areas`` and ``wanted`` are needed yet. ``organization_id``: who organizes the service;
    null is the street itself.
    """

    model_config = ConfigDict(json_schema_extra={"example": _FACTS})

    id: UUID | None = None
    areas: Areas
    title: Line
    content: Prose | None = None
    skills: Skills = Field(default_factory=list)
    starts_on: date | None = None
    ends_on: date | None = None
    service_hours: Line | None = None
    meeting_point: Line | None = None
    conditions: Prose | None = None
    minimum_age: MinimumAge = 18
    maximum_age: MaximumAge | None = None
    wanted: Wanted
    how_to_apply: Prose | None = None
    risks: Prose | None = None
    protection: Prose | None = None
    dangerous: bool = False
    insured: bool = False
    training: Prose | None = None
    organization_id: UUID | None = None
    emergency_id: UUID | None = None
    apply_until: AwareDatetime | None = None


class RecruitmentCallUpdate(Body):
    """Merge-patch: absent = unchanged, null = clear. After publication only ``wanted`` and ``apply_until`` change."""

    model_config = ConfigDict(json_schema_extra={"example": {"wanted": 120}})

    areas: Areas | None = None
    title: Line | None = None
    content: Prose | None = None
    skills: Skills | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    service_hours: Line | None = None
    meeting_point: Line | None = None
    conditions: Prose | None = None
    minimum_age: MinimumAge | None = None
    maximum_age: MaximumAge | None = None
    wanted: Wanted | None = None
    how_to_apply: Prose | None = None
    risks: Prose | None = None
    protection: Prose | None = None
    dangerous: bool | None = None
    insured: bool | None = None
    training: Prose | None = None
    organization_id: UUID | None = None
    emergency_id: UUID | None = None
    apply_until: AwareDatetime | None = None


class RecruitmentCallClose(Transition):
    model_config = ConfigDict(json_schema_extra={"example": {"reason_code": "filled"}})

    reason_code: Literal["filled", "no_longer_needed", "other"] = "no_longer_needed"
    note: Note | None = None


class RecruitmentCallCancel(Transition):
    model_config = ConfigDict(json_schema_extra={"example": {"reason_code": "unsafe", "note": "防护物资未到"}})

    reason_code: Literal["no_longer_needed", "unsafe", "mistake", "other"] = "other"
    note: Note | None = None


class RecruitmentCallPlace(Public):
    area: str
    name: str


class RecruitmentCallSummary(Public):
    """``area`` is the smallest that covers ``areas``. ``wanted``: places; who comes later waits in line."""

    model_config = ConfigDict(json_schema_extra={"example": _FACTS | _MADE})

    id: UUID
    version: int
    area: str
    areas: list[str]
    state: CallState
    reason: str | None
    title: str
    content: str | None
    skills: list[str]
    starts_on: date | None
    ends_on: date | None
    service_hours: str | None
    meeting_point: str | None
    conditions: str | None
    minimum_age: int
    maximum_age: int | None
    wanted: int
    how_to_apply: str | None
    risks: str | None
    protection: str | None
    dangerous: bool
    insured: bool
    training: str | None
    organization_id: UUID | None
    emergency_id: UUID | None
    apply_until: AwareDatetime | None
    created_at: AwareDatetime
    published_at: AwareDatetime | None


class RecruitmentCallPublic(RecruitmentCallSummary):
    """``places`` names the areas. ``expand=allowed_actions`` adds what may be done in this state."""

    model_config = ConfigDict(json_schema_extra={"example": _FACTS | _MADE | _REST})

    note: str | None
    places: list[RecruitmentCallPlace]
    published_by: UUID | None
    closed_at: AwareDatetime | None
    cancelled_at: AwareDatetime | None
    allowed_actions: list[str] | None = None


class RecruitmentCallPage(Page):
    model_config = ConfigDict(json_schema_extra={"example": {"items": [_FACTS | _MADE], "next_cursor": None}})

    items: list[RecruitmentCallSummary]


class RecruitmentCallProgress(Public):
    """Counters apart from the call's version; ``places_left`` is what the next sign-ups can still take."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "recruitment_call_id": "0195c2a0-0000-7000-8000-000000000061",
                "as_of": "2020-02-24T02:00:00.000Z",
                "wanted": 100,
                "places_left": 0,
                "signed_up": 71,
                "waitlisted": 9,
                "approved": 29,
                "refused": 3,
                "withdrawn": 1,
            }
        }
    )

    recruitment_call_id: UUID
    as_of: AwareDatetime
    wanted: int
    places_left: int
    signed_up: int
    waitlisted: int
    approved: int
    refused: int
    withdrawn: int
