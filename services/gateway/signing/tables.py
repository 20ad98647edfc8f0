"""Secrets by which webhooks are signed, ours and our senders'."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, LargeBinary
from sqlmodel import Field

from services.gateway.rows import Base


class SigningSecret(Base, table=True):
    """One secret of an endpoint or source (``owner_id``), sealed; after a rotation the old one expires a day later."""

    __tablename__ = "signing_secrets"

    id: UUID = Field(primary_key=True)
    owner_id: UUID
    sealed: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
