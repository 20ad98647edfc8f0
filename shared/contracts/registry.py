"""What registry tells: the thin state of what others may copy. No personal data: ids, areas, states."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from shared.contracts.base import Contract, Topic
from shared.contracts.record import RecordV1


class PlaceV1(Contract):
    """A place from city to entrance. ``state``: open, sealed_management, lockdown_control, epidemic_free."""

    id: UUID
    version: int
    area: str
    kind: str
    name: str
    code: str | None
    parent_id: UUID | None
    state: str
    state_notice_id: UUID | None
    abolished_on: date | None


class EmergencyV1(Contract):
    """An emergency: ``area`` is the smallest area that covers ``areas``."""

    id: UUID
    version: int
    area: str
    areas: list[str]
    title: str
    legal_basis: str
    notice_id: UUID | None
    from_at: datetime
    closed_at: datetime | None
    state: str


class ClaimV1(Contract):
    """Somebody says they live in the household; it counts once ``state`` is ``confirmed``."""

    person_id: UUID
    state: str


class ConsentV1(Contract):
    """The household lets a person, or whoever holds a role in an area, order for it until a time."""

    id: UUID
    person_id: UUID | None
    role: str | None
    area: str | None
    until: datetime


class HouseholdV1(Contract):
    """The thin state of a household. ``priority_class``: 0 (none) to 3, from flags that stay in registry.

    ``area`` ends at the entrance or building; ``notify``: inbox, sms, call or slip. A merged household names the one
    that took over.
    """

    id: UUID
    version: int
    area: str
    priority_class: int
    claims: list[ClaimV1]
    consents: list[ConsentV1]
    notify: str
    merged_into: UUID | None
    state: str


class OrganizationV1(Contract):
    """An organization of any kind. ``uscc`` or ``filing_no`` is its identifier; a store keeps this id everywhere."""

    id: UUID
    version: int
    area: str | None
    kind: str
    name: str
    uscc: str | None
    filing_no: str | None
    state: str


class AgreementV1(Contract):
    """An organization may act in a community for ``purposes`` while ``state`` is ``active`` and the day is in range."""

    id: UUID
    version: int
    area: str
    organization_id: UUID
    community_area: str
    purposes: list[str]
    areas: list[str]
    data_classes: list[str]
    starts_on: date
    ends_on: date
    capacity: str | None
    state: str


class RoleV1(Contract):
    """A person's role in an area or organization, for a period: the only source of authority."""

    id: UUID
    version: int
    area: str | None
    person_id: UUID
    role: str
    organization_id: UUID | None
    from_at: datetime
    until_at: datetime | None
    ended_at: datetime | None
    state: str


class PolicyV1(Contract):
    """One policy of an area from a time on: ``values`` by the names of ``kind`` (see docs/policies.md)."""

    id: UUID
    version: int
    area: str
    kind: str
    values: dict[str, Any]
    valid_from: datetime
    valid_until: datetime | None
    state: str


PLACE = Topic(
    "registry.place.v1", "state", PlaceV1, ("place.created", "place.updated", "place.state_changed", "place.abolished")
)
EMERGENCY = Topic(
    "registry.emergency.v1", "state", EmergencyV1, ("emergency.created", "emergency.updated", "emergency.closed")
)
HOUSEHOLD = Topic(
    "registry.household.v1",
    "state",
    HouseholdV1,
    ("household.created", "household.updated", "household.merged"),
)
ORGANIZATION = Topic(
    "registry.organization.v1",
    "state",
    OrganizationV1,
    ("organization.created", "organization.updated", "organization.closed"),
)
AGREEMENT = Topic(
    "registry.agreement.v1",
    "state",
    AgreementV1,
    (
        "agreement.created",
        "agreement.endorsed",
        "agreement.accepted",
        "agreement.declined",
        "agreement.suspended",
        "agreement.resumed",
        "agreement.ended",
    ),
)
ROLE = Topic("registry.role.v1", "state", RoleV1, ("role.created", "role.ended"))
POLICY = Topic("registry.policy.v1", "state", PolicyV1, ("policy.created", "policy.ended"))
RECORD = Topic(
    "registry.record.v1",
    "event",
    RecordV1,
    (
        "notice.received",
        "notice.applied",
        "notice.dismissed",
        "person.created",
        "person.updated",
        "person.erased",
        "operation.finished",
    ),
)

TOPICS = (PLACE, EMERGENCY, HOUSEHOLD, ORGANIZATION, AGREEMENT, ROLE, POLICY, RECORD)
