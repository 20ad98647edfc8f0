"""Households that somebody must call."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from services.orders.rows import Base, area_field, maybe_moment, moment


class Callback(Base, table=True):
    """Somebody has to call this household: to choose for ``qty`` units of a line, or to tell it (no line, qty 0)."""

    __tablename__ = "callbacks"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = area_field()
    household_id: UUID
    order_id: UUID
    line_id: UUID | None = None
    qty: int = 0
    reason: str
    state: str = "open"
    claimed_by: UUID | None = None
    claimed_at: datetime | None = maybe_moment()
    due_at: datetime = moment()
    outcome: str | None = None
    note: str | None = None
    created_at: datetime = moment()
    resolved_at: datetime | None = maybe_moment()
    resolved_by: UUID | None = None
