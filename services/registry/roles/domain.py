"""Who may give which role to whom: the only source of authority.

Nobody gives a role to themselves. The street appoints its helpers, but not the people who accept agreements for a
community (``committee_secretary``): else it could accept for them.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, get_args

from shared.machine import Machine

ROLE = Machine("role", {"active": {"end": "ended"}, "ended": {}})

AreaRole = Literal[
    "administrator", "street_official", "community_worker", "committee_secretary", "building_head", "grid_worker",
    "social_worker", "key_resident", "captain", "sent_down_cadre",
]  # fmt: skip
OrganizationRole = Literal["store_manager", "organization_manager"]
RoleName = Literal[AreaRole, OrganizationRole]

AREA_ROLES: frozenset[str] = frozenset(get_args(AreaRole))
ORGANIZATION_ROLES: frozenset[str] = frozenset(get_args(OrganizationRole))

_HELPERS = frozenset({"building_head", "grid_worker", "social_worker", "key_resident", "captain"})
GRANTABLE: Mapping[str, frozenset[str]] = {
    "administrator": AREA_ROLES | ORGANIZATION_ROLES,
    "street_official": _HELPERS | {"community_worker", "sent_down_cadre"} | ORGANIZATION_ROLES,
    "committee_secretary": _HELPERS,
    "community_worker": _HELPERS - {"social_worker"},
    "organization_manager": frozenset(),
}
"""Role of the grantor → roles that it may give within its own area."""


def may_grant(grantor: str, role: str) -> bool:
    return role in GRANTABLE.get(grantor, frozenset())


def grantors(role: str) -> frozenset[str]:
    """The roles whose holders may give or end ``role``."""
    return frozenset(grantor for grantor, given in GRANTABLE.items() if role in given)


def is_over(until_at: datetime | None, now: datetime) -> bool:
    return until_at is not None and until_at <= now
