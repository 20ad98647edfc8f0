"""Registered senders, and what they sent."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from services.gateway.rows import Base
from shared.database import AreaText


class InboundSource(Base, table=True):
    """A system that may send: a command for its ``area``, or a store, which speaks for its organization alone."""

    __tablename__ = "inbound_sources"

    id: UUID = Field(primary_key=True)
    version: int = 1
    state: str = "active"
    reason: str | None = None
    kind: str
    name: str
    area: str = Field(sa_type=AreaText)
    organization_id: UUID | None = None
    created_by: UUID
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


class InboundMessage(Base, table=True):
    """One message; ``sealed`` is its body, ``content_hash`` tells a copy from another message under the same id.

    ``problem`` is what its owner answered when it was rejected, or last while it is tried again.
    """

    __tablename__ = "inbound_messages"

    id: UUID = Field(primary_key=True)
    version: int = 1
    source_id: UUID
    webhook_id: str
    type: str
    state: str = "received"
    area: str = Field(sa_type=AreaText)
    organization_id: UUID | None = None
    sealed: bytes = Field(sa_type=LargeBinary)
    content_hash: bytes = Field(sa_type=LargeBinary)
    request_id: str | None = None
    attempts: int = 0
    next_attempt_at: datetime | None = Field(
        default=None, sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": text("now()")}
    )
    leased_until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    problem: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    result_url: str | None = None
    received_at: datetime = Field(sa_type=DateTime(timezone=True))
    finished_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
