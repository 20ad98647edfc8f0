"""When may an outside organization act in a community?

Only while an agreement is active, and only the community's own people make it active. The street may endorse; an
endorsement opens nothing.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.areas import covers
from shared.machine import Machine

AGREEMENT = Machine(
    "agreement",
    {
        "proposed": {"endorse": "proposed", "accept": "active", "decline": "declined"},
        "active": {"suspend": "suspended", "end": "ended"},
        "suspended": {"resume": "active", "end": "ended"},
        "declined": {},
        "ended": {},
    },
)

HAPPENED = {
    "decline": "agreement.declined",
    "suspend": "agreement.suspended",
    "resume": "agreement.resumed",
    "end": "agreement.ended",
}


class Agreed(Protocol):
    """The fields of an agreement that the rules read and write."""

    state: str
    endorsed_by: UUID | None
    endorsed_at: datetime | None
    accepted_by: UUID | None
    accepted_at: datetime | None
    decided_by: UUID | None
    decided_at: datetime | None
    reason: str | None


def endorse(agreement: Agreed, by: UUID, now: datetime) -> str | None:
    """The street recommends it, which opens nothing. Returns the event, or None if it was endorsed already."""
    AGREEMENT.step(agreement.state, "endorse")
    if agreement.endorsed_by is not None:
        return None
    agreement.endorsed_by, agreement.endorsed_at = by, now
    return "agreement.endorsed"


def accept(agreement: Agreed, by: UUID, now: datetime) -> str | None:
    """Make it active. Returns the event that happened, or None if it was active already."""
    if (state := AGREEMENT.step(agreement.state, "accept")) == agreement.state:
        return None
    agreement.state, agreement.accepted_by, agreement.accepted_at = state, by, now
    return "agreement.accepted"


def decide(agreement: Agreed, action: str, by: UUID, reason: str | None, now: datetime) -> str | None:
    """Decline, suspend, resume or end it. Returns the event, or None if that had been done already."""
    if (state := AGREEMENT.step(agreement.state, action)) == agreement.state:
        return None
    agreement.state, agreement.decided_by, agreement.decided_at, agreement.reason = state, by, now, reason
    return HAPPENED[action]


def outside(areas: Sequence[str], community: str) -> list[int]:
    """Positions of areas that do not lie in the community."""
    return [index for index, area in enumerate(areas) if not covers(community, area)]
