"""Ordering for somebody else needs their consent: who may, for whom, how it was given, until when."""

from datetime import datetime, timedelta
from typing import Literal, get_args

from shared.machine import Machine

CONSENT = Machine(
    "consent",
    {"active": {"withdraw": "withdrawn", "expire": "expired"}, "withdrawn": {}, "expired": {}},
)

GivenHow = Literal["in_person", "phone", "paper", "app"]
GIVEN_HOW: frozenset[str] = frozenset(get_args(GivenHow))
ProxyRole = Literal["community_worker", "building_head", "grid_worker", "captain", "social_worker", "key_resident"]
PROXY_ROLES: frozenset[str] = frozenset(get_args(ProxyRole))


def in_bounds(until_at: datetime, now: datetime, longest_days: int) -> bool:
    """A consent ends, and not later than policy lets it: then it is asked for again."""
    return now < until_at <= now + timedelta(days=longest_days)
