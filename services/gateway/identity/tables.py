"""Who is signed in. Codes and tokens are kept only as hashes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, LargeBinary, SmallInteger
from sqlmodel import Field

from services.gateway.rows import Base


class SignInCode(Base, table=True):
    """A code that was sent to a telephone; lives five minutes and five tries."""

    __tablename__ = "sign_in_codes"

    id: UUID = Field(primary_key=True)
    phone_hash: bytes = Field(sa_type=LargeBinary)
    code_hash: bytes = Field(sa_type=LargeBinary)
    tries: int = Field(default=0, sa_type=SmallInteger)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    used_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class Session(Base, table=True):
    """One signed-in device of a person. Tokens issued before ``not_before`` no longer count."""

    __tablename__ = "sessions"

    id: UUID = Field(primary_key=True)
    version: int = 1
    person_id: UUID
    state: str = "live"
    reason: str | None = None
    device: str | None = None
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    refreshed_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    not_before: datetime = Field(sa_type=DateTime(timezone=True))


class RefreshToken(Base, table=True):
    """One link of a session's chain of refresh tokens."""

    __tablename__ = "refresh_tokens"

    hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    session_id: UUID
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    used_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
