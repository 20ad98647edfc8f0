"""A person becomes a volunteer once, with the first sign-up that the street approves, and keeps that profile.

The number stands for the person in public and joins records across systems (MZ/T 061-2015); it says nothing.
"""

from collections.abc import Sequence
from datetime import date, datetime

from services.dispatch.volunteers.tables import Volunteer
from shared.areas import outermost
from shared.identifiers import make_code
from shared.machine import Machine

VOLUNTEER = Machine(
    "volunteer",
    {
        "active": {"suspend": "suspended"},
        "suspended": {"reinstate": "active"},
    },
)

OWN = frozenset({"area", "phone", "skills", "availability", "carrying_capacity_kg"})
"""What volunteers keep up themselves; name, trainings and insurance are the staff's to say."""

_NUMBERS = 10**11
_STEP, _START = 61_803_398_873, 27_182_818_284


def volunteer_no(serial: int) -> str:
    """Twelve digits with a check digit; every serial below 10¹¹ gives another, and neighbors look unlike."""
    return make_code((serial * _STEP + _START) % _NUMBERS, 12)


def join(volunteer: Volunteer, areas: Sequence[str], health_declared_on: date, health_note: bytes | None) -> bool:
    """A volunteer was approved for another call. False when it tells nothing new.

    The profile stays as the volunteer keeps it; only the latest health declaration counts. The version is the caller's
    to raise, once however many calls a person joins at a time.
    """
    serves = outermost([*volunteer.serves, *areas])
    newer = health_declared_on > volunteer.health_declared_on
    if serves == volunteer.serves and not newer:
        return False
    volunteer.serves = serves
    if newer:
        volunteer.health_declared_on, volunteer.health_note_sealed = health_declared_on, health_note
    return True


def suspend(volunteer: Volunteer, reason: str, note: bytes | None, now: datetime) -> str | None:
    """They do not serve until they are reinstated. None if they were suspended."""
    if (state := VOLUNTEER.step(volunteer.state, "suspend")) == volunteer.state:
        return None
    volunteer.state, volunteer.reason, volunteer.note_sealed, volunteer.suspended_at = state, reason, note, now
    volunteer.version += 1
    return "volunteer.suspended"


def reinstate(volunteer: Volunteer) -> str | None:
    """They serve again. None if they do."""
    if (state := VOLUNTEER.step(volunteer.state, "reinstate")) == volunteer.state:
        return None
    volunteer.state, volunteer.reason, volunteer.note_sealed, volunteer.suspended_at = state, None, None, None
    volunteer.version += 1
    return "volunteer.reinstated"
