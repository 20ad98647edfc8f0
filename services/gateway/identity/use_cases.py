"""Codes, sessions and their tokens: one function per verb, each inside its caller's transaction."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from joserfc.jwk import OKPKey
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway.identity import domain
from services.gateway.identity.messages import session_event
from services.gateway.identity.queries import clock, live_sessions, role_states
from services.gateway.identity.tables import RefreshToken, Session, SignInCode
from shared.auth import Principal, sign_token
from shared.bus.outbox import record
from shared.contracts import gateway
from shared.database import locked, transaction_time
from shared.ids import new_id
from shared.problems import Forbidden, Invalid, NotFound, invalid
from shared.revocation import revoke as refuse_older_tokens
from shared.web import must_match


@dataclass(frozen=True)
class Tokens:
    """What a client gets of a session: an access token for ``expires_in`` seconds, and the next refresh token."""

    session: Session
    access_token: str
    expires_in: int
    refresh_token: str


async def keep_code(db: AsyncSession, key: bytes, phone_hash: bytes) -> tuple[SignInCode, str]:
    """A new code for a telephone, and its six digits."""
    now = transaction_time(db)
    code_id, code = new_id(), domain.new_code()
    row = SignInCode(
        id=code_id,
        phone_hash=phone_hash,
        code_hash=domain.code_hash(key, code_id, code),
        created_at=now,
        expires_at=now + domain.CODE_LIFE,
    )
    db.add(row)
    return row, code


async def try_code(db: AsyncSession, key: bytes, code_id: UUID, phone_hash: bytes, code: str) -> bool:
    """Whether the code is right. A wrong try is counted: the caller commits before it refuses."""
    try:
        row = await locked(db, SignInCode, code_id)
    except NotFound:
        return False
    if not domain.code_counts(row, transaction_time(db)):
        return False
    if row.phone_hash == phone_hash and row.code_hash == domain.code_hash(key, code_id, code):
        return True
    row.tries += 1
    return False


def wrong_code() -> Invalid:
    return invalid(
        "/code",
        "wrong_or_expired",
        "验证码有误或已失效, 请核对或重新获取。",
        "The code is wrong or no longer counts; check it, or ask for a new one.",
    )


async def open_session(db: AsyncSession, key: OKPKey, code_id: UUID, person_id: UUID, device: str | None) -> Tokens:
    """Uses the code up and starts a session. Raises Invalid when another request was faster."""
    now = await _under_lock_of(db, person_id)
    code = await locked(db, SignInCode, code_id)
    if code.used_at is not None:
        raise wrong_code()
    code.used_at = now
    session = Session(
        id=new_id(),
        person_id=person_id,
        device=device,
        created_at=now,
        refreshed_at=now,
        expires_at=now + domain.SESSION_LIFE,
        not_before=now.replace(microsecond=now.microsecond // 1000 * 1000),
    )
    db.add(session)
    record(db, gateway.SESSION, "session.created", session_event(session))
    await db.flush()
    return await _tokens(db, key, session, now)


async def renew(db: AsyncSession, key: OKPKey, refresh_token: str) -> Tokens | None:
    """The next tokens of a session. None when the refresh token counts no longer; if it was spent before, the session
    has been revoked: the caller commits before it refuses.
    """
    digest = domain.secret_hash(refresh_token)
    token = await db.get(RefreshToken, digest)
    session = None if token is None else await db.get(Session, token.session_id)
    if token is None or session is None:
        return None
    now = await _under_lock_of(db, session.person_id)
    await db.refresh(session, with_for_update=True)
    await db.refresh(token, with_for_update=True)
    if not domain.is_live(session, now):
        return None
    if not domain.refresh(session, token, now):
        await _revoke(db, session, "refresh_token_reused", now)
        return None
    await db.execute(
        text("DELETE FROM refresh_tokens WHERE session_id = :id AND used_at < now() - interval '1 day'"),
        {"id": session.id},
    )
    return await _tokens(db, key, session, now)


async def end_session(db: AsyncSession, who: Principal, session_id: UUID, version: int) -> Session:
    """Signs a device out. Ended before: unchanged."""
    must_be_person(who)
    session = await locked(db, Session, session_id)
    if session.state == "revoked":
        return session
    must_match(session.version, version)
    await _revoke(db, session, "signed_out", await _under_lock_of(db, session.person_id))
    return session


def must_be_person(who: Principal) -> None:
    """Sessions are people's; API clients and services have none."""
    if who.kind != "person":
        raise Forbidden(("仅限个人登录使用。", "Only a signed-in person has sessions."))


async def outdate_tokens(db: AsyncSession, person_id: UUID) -> None:
    """A role of the person was given or ended: every live session needs a new token."""
    now = await _under_lock_of(db, person_id)
    for session in (await db.execute(live_sessions(person_id))).scalars():
        happened = domain.roles_changed(session, now)
        record(db, gateway.SESSION, happened, session_event(session))
        await refuse_older_tokens(db, session.id, session.not_before)


async def _revoke(db: AsyncSession, session: Session, reason: str, now: datetime) -> None:
    if happened := domain.revoke(session, reason, now):
        record(db, gateway.SESSION, happened, session_event(session))
        await refuse_older_tokens(db, session.id, session.not_before)


async def _under_lock_of(db: AsyncSession, person_id: UUID) -> datetime:
    """Takes the person's lock; the time after that. Giving a token and making it count no longer thus come one after
    the other, also where the session's row is not visible yet."""
    lock = text("SELECT pg_advisory_xact_lock(hashtextextended('sessions of ' || CAST(:person_id AS text), 0))")
    await db.execute(lock, {"person_id": str(person_id)})
    return await clock(db)


async def _tokens(db: AsyncSession, key: OKPKey, session: Session, now: datetime) -> Tokens:
    grants, lifetime = domain.grants(await role_states(db, session.person_id), now)
    principal = Principal(id=session.person_id, kind="person", session_id=session.id, grants=grants)
    refresh_token = domain.new_secret("lrt")
    db.add(RefreshToken(hash=domain.secret_hash(refresh_token), session_id=session.id, created_at=now))
    token = sign_token(principal, key, lifetime, issued_at=domain.issued_at(session, now))
    return Tokens(session, token, lifetime, refresh_token)
