"""What signing in reads."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway.identity.tables import Session

_CLOCK = text("SELECT clock_timestamp()")
_ROLES = text("SELECT payload FROM role_copies WHERE person_id = :person_id AND payload->>'ended_at' IS NULL")


async def clock(db: AsyncSession) -> datetime:
    """PostgreSQL's clock at this moment, not at the transaction's beginning: asked under the lock that orders givers
    and revokers of tokens."""
    found = (await db.execute(_CLOCK)).scalar_one()
    assert isinstance(found, datetime)
    return found


async def role_states(db: AsyncSession, person_id: UUID) -> list[dict[str, Any]]:
    """The roles of a person that have not been ended, as registry tells them."""
    return list((await db.execute(_ROLES, {"person_id": person_id})).scalars())


def sessions_of(person_id: UUID) -> Select[Session]:
    mine: ColumnElement[bool] = Session.person_id == person_id  # type: ignore[assignment]
    return select(Session).where(mine)


def live_sessions(person_id: UUID) -> Select[Session]:
    """Locked in the order of their ids."""
    live: ColumnElement[bool] = Session.state == "live"  # type: ignore[assignment]
    return sessions_of(person_id).where(live).order_by(Session.id).with_for_update()  # type: ignore[arg-type]
