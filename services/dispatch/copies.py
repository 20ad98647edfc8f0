"""What dispatch asks its copies of registry's facts."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_PLACES = text(
    "SELECT area, payload->>'name' AS name FROM place_copies"
    " WHERE area = ANY(:areas) AND payload->>'abolished_on' IS NULL"
)
_EMERGENCY = text("SELECT payload FROM emergency_copies WHERE key = :id AND payload IS NOT NULL")
_ORGANIZATION = text("SELECT state FROM organization_copies WHERE key = :id AND payload IS NOT NULL")


async def place_names(db: AsyncSession, areas: Sequence[str]) -> dict[str, str]:
    """Area → name of those places that exist today."""
    return dict((await db.execute(_PLACES, {"areas": list(areas)})).all())


async def emergency(db: AsyncSession, emergency_id: UUID) -> dict[str, Any] | None:
    """The thin state of an emergency."""
    return (await db.execute(_EMERGENCY, {"id": emergency_id})).scalar_one_or_none()


async def organization_state(db: AsyncSession, organization_id: UUID) -> str | None:
    """``active`` or ``closed``; None when it is not known here."""
    return (await db.execute(_ORGANIZATION, {"id": organization_id})).scalar_one_or_none()
