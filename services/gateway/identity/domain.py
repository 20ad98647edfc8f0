"""The rules of signing in: a code proves a telephone, a session keeps the proof, a token carries the roles.

A revocation and the tokens that it meets are told apart by time, so all these times come from one clock (the gateway's
PostgreSQL), are whole milliseconds, and one person's are taken under that person's lock: ``not_before`` is rounded up,
and a token issued afterwards never says an earlier time.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.gateway.identity.tables import RefreshToken, Session, SignInCode
from shared.auth import TOKEN_SECONDS, Grant
from shared.clock import from_wire
from shared.machine import Machine

SESSION = Machine("session", {"live": {"revoke": "revoked"}})
CODE_LIFE = timedelta(minutes=5)
CODE_TRIES = 5
SESSION_LIFE = timedelta(days=30)
"""Of a session that nobody refreshes."""
REPEAT_GRACE = timedelta(seconds=10)
"""A refresh token may be shown again for so long: the answer to its first use may have been lost on the way."""


def new_code() -> str:
    """Six digits."""
    return f"{secrets.randbelow(10**6):06}"


def new_secret(prefix: str) -> str:
    """256 random bits, to be shown once and kept as ``secret_hash``."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def secret_hash(secret: str) -> bytes:
    """A plain hash is enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def code_hash(key: bytes, code_id: UUID, code: str) -> bytes:
    """A million codes are soon tried, so the hash needs a key that is not in the database."""
    return hmac.digest(key, code_id.bytes + code.encode(), hashlib.sha256)


def code_counts(row: SignInCode, now: datetime) -> bool:
    """Whether the code may still be tried."""
    return row.used_at is None and row.tries < CODE_TRIES and now < row.expires_at


def milliseconds_up(moment: datetime) -> datetime:
    """The moment in whole milliseconds, not earlier."""
    rest = moment.microsecond % 1000
    return moment + timedelta(microseconds=(1000 - rest) % 1000)


def issued_at(session: Session, now: datetime) -> float:
    """Epoch seconds to the millisecond for a new token: now, and never before what was last revoked."""
    whole = now.replace(microsecond=now.microsecond // 1000 * 1000)
    return max(whole, session.not_before).timestamp()


def revoke(session: Session, reason: str, now: datetime) -> str | None:
    """Ends the session. Returns the event that happened, or None if it had ended before."""
    if (state := SESSION.step(session.state, "revoke")) == session.state:
        return None
    session.state, session.reason = state, reason
    _outdate(session, now)
    return "session.revoked"


def roles_changed(session: Session, now: datetime) -> str:
    """The session goes on, its tokens do not: the next one carries the new roles."""
    _outdate(session, now)
    return "session.roles_changed"


def _outdate(session: Session, now: datetime) -> None:
    session.version += 1
    session.not_before = max(milliseconds_up(now), session.not_before)


def refresh(session: Session, token: RefreshToken, now: datetime) -> bool:
    """Spends the refresh token. False when it was spent before: somebody else has it too, and the session must end.

    Nothing is spent when the session is over; the caller asks that first.
    """
    if token.used_at is not None and now - token.used_at > REPEAT_GRACE:
        return False
    token.used_at = token.used_at or now
    session.refreshed_at, session.expires_at = now, now + SESSION_LIFE
    return True


def is_live(session: Session, now: datetime) -> bool:
    return session.state == "live" and now < session.expires_at


def grants(roles: Iterable[Mapping[str, Any]], now: datetime) -> tuple[tuple[Grant, ...], int]:
    """The grants of a person's role states (payloads of ``registry.role.v1``) that hold now, and for how many seconds
    a token may carry them: five minutes, or until the first of them ends."""
    lifetime = TOKEN_SECONDS
    held: set[Grant] = set()
    for role in roles:
        until = from_wire(role["until_at"]) if role["until_at"] else datetime.max.replace(tzinfo=UTC)
        if role["ended_at"] or from_wire(role["from_at"]) > now or until <= now:
            continue
        organization = role["organization_id"]
        held.add(Grant(role["role"], role["area"], UUID(organization) if organization else None))
        lifetime = max(1, min(lifetime, int((until - now).total_seconds())))
    return tuple(
        sorted(set(held), key=lambda grant: (grant.role, grant.area or "", str(grant.organization_id)))
    ), lifetime
