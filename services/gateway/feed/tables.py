"""What has happened, as outsiders may hear it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, DateTime, Identity, Text
from sqlalchemy import Uuid as SqlUuid
from sqlmodel import Field

from services.gateway.rows import Base
from shared.database import AreaText


class FeedEvent(Base, table=True):
    """One thin event. ``areas`` and ``organization_ids`` say whom it concerns; ``body`` is the JSON that is sent."""

    __tablename__ = "feed_events"

    id: UUID = Field(primary_key=True)
    position: int | None = Field(default=None, sa_type=BigInteger, sa_column_args=[Identity(always=True)])
    topic: str
    type: str
    entity_id: UUID
    seq: int = Field(sa_type=BigInteger)
    area: str | None = Field(default=None, sa_type=AreaText)
    areas: list[str] = Field(sa_type=ARRAY(Text))
    organization_ids: list[UUID] = Field(sa_type=ARRAY(SqlUuid))
    recorded_at: datetime = Field(sa_type=DateTime(timezone=True))
    body: str
