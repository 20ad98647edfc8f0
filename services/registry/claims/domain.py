"""A phone proves who somebody is, not where they live: a claim counts once the building head, a worker or a code on
paper confirms it."""

from collections.abc import Collection

from shared.machine import Machine

CLAIM = Machine(
    "household_claim",
    {
        "pending": {"confirm": "confirmed", "refuse": "refused"},
        "confirmed": {"refuse": "refused"},
        "refused": {},
    },
)


def confirmed_how(roles: Collection[str]) -> str:
    """As what somebody confirms: staff of the community, or the building's head."""
    return "building_head" if set(roles) == {"building_head"} else "worker"
