"""What dispatch tells of recruitment and volunteers."""

from uuid import UUID

from shared.contracts.base import Contract, Topic
from shared.contracts.record import RecordV1


class RecruitmentCallV1(Contract):
    """A call for volunteers; ``area`` is the smallest area that covers ``areas``; ``wanted``: its places."""

    id: UUID
    version: int
    area: str
    areas: list[str]
    state: str
    reason: str | None
    wanted: int


class VolunteerV1(Contract):
    """A person who was approved to serve. ``area`` is the home place; ``volunteer_no`` is opaque."""

    id: UUID
    version: int
    area: str
    person_id: UUID
    volunteer_no: str
    skills: list[str]
    state: str


RECRUITMENT_CALL = Topic(
    "dispatch.recruitment_call.v1",
    "event",
    RecruitmentCallV1,
    (
        "recruitment_call.created",
        "recruitment_call.updated",
        "recruitment_call.published",
        "recruitment_call.closed",
        "recruitment_call.cancelled",
    ),
)
VOLUNTEER = Topic(
    "dispatch.volunteer.v1",
    "event",
    VolunteerV1,
    ("volunteer.created", "volunteer.updated", "volunteer.suspended", "volunteer.reinstated"),
)
RECORD = Topic(
    "dispatch.record.v1",
    "event",
    RecordV1,
    (
        "sign_up.created",
        "sign_up.approved",
        "sign_up.refused",
        "sign_up.withdrawn",
        "sign_up.waitlisted",
        "sign_up.promoted",
    ),
)
"""A sign-up begins with ``.created``, or with ``.waitlisted`` when every place is held; its ``refs`` are
``recruitment_call_id`` and ``person_id``."""

TOPICS = (RECRUITMENT_CALL, VOLUNTEER, RECORD)
