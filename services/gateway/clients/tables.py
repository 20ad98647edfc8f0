"""Systems that call by themselves. Secrets are kept only as hashes."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Column, DateTime, LargeBinary, String
from sqlmodel import Field

from services.gateway.rows import Base
from shared.database import AreaText


class ApiClient(Base, table=True):
    """A store's or receiver's system: one role in an area or for an organization, narrowed to verbs.

    ``area`` is where it belongs; for an organization's client the organization's area. Tokens issued before
    ``not_before`` no longer count.
    """

    __tablename__ = "api_clients"

    id: UUID = Field(primary_key=True)
    version: int = 1
    name: str
    area: str = Field(sa_type=AreaText)
    organization_id: UUID | None = None
    role: str
    scopes: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    state: str = "active"
    secret_hash: bytes = Field(sa_type=LargeBinary)
    previous_secret_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    previous_until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    created_by: UUID
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    not_before: datetime = Field(sa_type=DateTime(timezone=True))
