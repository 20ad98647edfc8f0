"""What households were told."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.gateway.rows import Base
from shared.database import AreaText


class Notification(Base, table=True):
    """``waiting``: the household's copy has not come yet. ``delivered``: in the app's inbox. ``listed``: a worker
    calls, or prints a slip. ``queued`` → ``sent``: by SMS; the phone is fetched when it is sent and never stored."""

    __tablename__ = "notifications"

    id: UUID = Field(primary_key=True)
    version: int = 1
    kind: str
    told_once_as: str
    household_id: UUID
    area: str = Field(sa_type=AreaText)
    refs: dict[str, Any] = Field(sa_type=JSONB)
    zh: str
    en: str
    channel: str | None = None
    state: str = "waiting"
    attempts: int = 0
    next_attempt_at: datetime | None = Field(
        default=None, sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": text("now()")}
    )
    leased_until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    finished_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
