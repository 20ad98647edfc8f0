"""Revoked sessions, as every service keeps them: tokens issued before ``not_before`` no longer count (promise AZ4).

The gateway tells by ``gateway.session.v1``; each service subscribes with ``on_session_event``. Rows live as long as a
token could that was issued before them; the Verifier reads them.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.bus.subscription import Subscription
from shared.contracts import gateway
from shared.contracts.base import Event

_REMEMBER = text(
    "INSERT INTO revocations (session_id, not_before) VALUES (:session_id, :not_before) ON CONFLICT (session_id)"
    " DO UPDATE SET not_before = greatest(revocations.not_before, excluded.not_before)"
)
_FORGET = text("DELETE FROM revocations WHERE not_before < now() - interval '10 minutes'")


async def revoke(db: AsyncSession, session_id: UUID, not_before: datetime) -> None:
    """From now on refuses the session's older tokens; what no living token can meet is forgotten."""
    await db.execute(_REMEMBER, {"session_id": session_id, "not_before": not_before})
    await db.execute(_FORGET)


async def on_session_event(db: AsyncSession, event: Event) -> None:
    """Effect of ``session.revoked`` and ``session.roles_changed``."""
    session = event.of(gateway.SessionV1)
    await revoke(db, session.id, session.not_before)


REVOCATIONS = Subscription(
    gateway.SESSION, "effect", on_session_event, types=("session.revoked", "session.roles_changed")
)
"""Every service but the gateway itself has this in its list."""
