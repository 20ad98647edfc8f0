"""One community's group buy with one store, and its counters."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger
from sqlmodel import Field

from services.orders.rows import Base, area_field, document, maybe_moment, moment


class Round(Base, table=True):
    """``policy``: the values pinned at opening. ``number`` is what the codes of its orders begin with."""

    __tablename__ = "rounds"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = area_field()
    number: int = Field(sa_type=BigInteger)
    code: str
    purchase_id: UUID
    store_id: UUID
    state: str = "draft"
    reason: str | None = None
    opens_at: datetime = moment()
    cut_off_at: datetime = moment()
    late_entry_until: datetime = moment()
    minimum_orders: int = 0
    minimum_rule: str = "send"
    extend_minutes: int = 0
    extended: bool = False
    capacity_orders: int | None = None
    handover_default: str = "gate"
    policy: dict[str, Any] = document({"values": {}, "sources": []})
    reopened_from: UUID | None = None
    created_by: UUID
    created_at: datetime = moment()
    opened_at: datetime | None = maybe_moment()
    cut_off_done_at: datetime | None = maybe_moment()
    closed_at: datetime | None = maybe_moment()
    closed_by: UUID | None = None
    close_reason: str | None = None
    cancelled_at: datetime | None = maybe_moment()
    arrived_at: datetime | None = maybe_moment()
    completed_at: datetime | None = maybe_moment()


class RoundCounters(Base, table=True):
    """Apart from the round, because every order moves them and none is an event of the round."""

    __tablename__ = "round_counters"

    round_id: UUID = Field(primary_key=True)
    orders: int = 0
    capacity_left: int | None = None
    next_number: int = 1
