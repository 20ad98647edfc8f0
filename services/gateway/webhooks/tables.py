"""Endpoints, and deliveries with their attempts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, DateTime, Identity, Text, text
from sqlmodel import Field

from services.gateway.rows import Base
from shared.database import AreaText


class WebhookEndpoint(Base, table=True):
    """Where somebody wants to hear of what concerns their area or their organization.

    ``failures`` counts failures in a row; results of attempts from an older ``breaker_round`` no longer count.
    """

    __tablename__ = "webhook_endpoints"

    id: UUID = Field(primary_key=True)
    version: int = 1
    state: str = "pending"
    reason: str | None = None
    name: str
    url: str
    event_types: list[str] = Field(sa_type=ARRAY(Text))
    areas: list[str] = Field(sa_type=ARRAY(Text))
    area: str | None = Field(default=None, sa_type=AreaText)
    organization_id: UUID | None = None
    handshake_attempts: int = 0
    handshake_due_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    handshake_error: str | None = None
    failures: int = 0
    breaker_round: int = 0
    paused_until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    created_by: UUID
    created_at: datetime = Field(sa_type=DateTime(timezone=True))


class WebhookDelivery(Base, table=True):
    """One event to one endpoint. ``position`` is the order of sending per entity; a lease keeps two workers apart."""

    __tablename__ = "webhook_deliveries"

    id: UUID = Field(primary_key=True)
    position: int | None = Field(default=None, sa_type=BigInteger, sa_column_args=[Identity(always=True)])
    endpoint_id: UUID
    event_id: UUID
    replay_id: UUID | None = None
    event_type: str
    entity_id: UUID
    seq: int = Field(sa_type=BigInteger)
    state: str = "pending"
    attempts: int = 0
    next_attempt_at: datetime | None = Field(
        default=None, sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": text("now()")}
    )
    lease: UUID | None = None
    leased_until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    last_status: int | None = None
    last_error: str | None = None
    created_at: datetime | None = Field(
        default=None, sa_type=DateTime(timezone=True), sa_column_kwargs={"server_default": text("now()")}
    )
    finished_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class WebhookAttempt(Base, table=True):
    """One try: ``status`` if the receiver answered, ``error`` unless it answered with 2xx."""

    __tablename__ = "webhook_attempts"

    delivery_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    started_at: datetime = Field(sa_type=DateTime(timezone=True))
    duration_ms: int
    status: int | None = None
    error: str | None = None
