"""What orders asks its copies of registry's facts."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.areas import covers

GROUP_BUY = "group_buy"
"""The purpose that an agreement must name before a store may sell to a community."""

_AGREEMENTS = text(
    "SELECT key, payload FROM agreement_copies"
    " WHERE community_area = :area AND organization_id = :store AND state = 'active' ORDER BY key"
)
_POLICIES = text(
    "SELECT key, seq, payload FROM policy_copies WHERE kind = ANY(:kinds) AND state = 'active'"
    " AND (payload->>'valid_from')::timestamptz <= :now"
    " AND coalesce((payload->>'valid_until')::timestamptz > :now, true)"
)
_HOUSEHOLD = text(
    "WITH RECURSIVE chain AS ("
    " SELECT key, payload, merged_into, 0 AS depth FROM household_copies WHERE key = :id"
    " UNION ALL SELECT h.key, h.payload, h.merged_into, c.depth + 1"
    " FROM chain c JOIN household_copies h ON h.key = c.merged_into WHERE c.depth < 8)"
    " SELECT payload FROM chain WHERE payload IS NOT NULL ORDER BY depth DESC LIMIT 1"
)
_ORGANIZATION = text("SELECT payload FROM organization_copies WHERE key = :id AND state <> 'closed'")


async def active_agreement(db: AsyncSession, area: str, store_id: UUID, on: date) -> UUID | None:
    """The agreement that lets the store sell to the community on that day."""
    rows = await db.execute(_AGREEMENTS, {"area": area, "store": store_id})
    day = on.isoformat()
    for key, payload in rows:
        if GROUP_BUY in payload["purposes"] and payload["starts_on"] <= day <= payload["ends_on"]:
            return UUID(str(key))
    return None


async def policies_for(db: AsyncSession, area: str, kinds: Sequence[str], now: datetime) -> dict[str, dict[str, Any]]:
    """Kind → {id, version, area, values} of the policy in force: the nearest area wins, of one area the latest."""
    rows = await db.execute(_POLICIES, {"kinds": list(kinds), "now": now})
    found = [(payload, {"id": str(key), "version": seq}) for key, seq, payload in rows if covers(payload["area"], area)]
    found.sort(key=lambda row: (row[0]["area"].count("."), row[0]["valid_from"], row[1]["id"]))
    return {
        payload["kind"]: source | {"area": payload["area"], "values": payload["values"]} for payload, source in found
    }


async def household(db: AsyncSession, household_id: UUID) -> dict[str, Any] | None:
    """The thin state of a household, or of the one that took it over."""
    return (await db.execute(_HOUSEHOLD, {"id": household_id})).scalar_one_or_none()


async def organization(db: AsyncSession, organization_id: UUID) -> dict[str, Any] | None:
    return (await db.execute(_ORGANIZATION, {"id": organization_id})).scalar_one_or_none()
