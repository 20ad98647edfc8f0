"""Orders, their lines, what a household may still buy, and the money of each order."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from services.orders.rows import Base, area_field, fen, maybe_moment, moment


class Order(Base, table=True):
    """``area`` ends at the building or entrance; ``taken_at`` is as declared, ``placed_at`` PostgreSQL's clock."""

    __tablename__ = "orders"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = area_field()
    community_area: str = area_field()
    code: str
    round_id: UUID
    purchase_id: UUID
    household_id: UUID
    buyer_id: UUID | None = None
    placed_by: UUID
    channel: str
    consent_id: UUID | None = None
    state: str = "placed"
    reason: str | None = None
    handover: str
    taken_at: datetime = moment()
    placed_at: datetime = moment()
    amended_at: datetime | None = maybe_moment()
    locked_at: datetime | None = maybe_moment()
    fulfilled_at: datetime | None = maybe_moment()
    cancelled_at: datetime | None = maybe_moment()


class OrderLine(Base, table=True):
    """Quantities are units and never one number; null = not known yet. A line is final when, of what it requested,
    every unit is handed over or refunded (``refunded``: units) or moved to a line that substitutes for it."""

    __tablename__ = "order_lines"

    id: UUID = Field(primary_key=True)
    order_id: UUID
    purchase_id: UUID
    item_id: UUID
    requested: int
    confirmed: int | None = None
    allocated: int | None = None
    received: int | None = None
    picked: int | None = None
    handed_over: int | None = None
    charged_fen: int = fen()
    refunded: int = 0
    unit_price_fen: int = fen()
    substitution: str
    swap_item_id: UUID | None = None
    substitute_for: UUID | None = None


class QuotaUse(Base, table=True):
    """Units of an item that a household has ordered in a round, and the most it may."""

    __tablename__ = "quota_uses"

    round_id: UUID = Field(primary_key=True)
    household_id: UUID = Field(primary_key=True)
    item_id: UUID = Field(primary_key=True)
    used: int
    ceiling: int


class OrderMoney(Base, table=True):
    """Counters in fen; each change is a journal of postings."""

    __tablename__ = "order_money"

    order_id: UUID = Field(primary_key=True)
    owed_fen: int = fen(0)
    collected_fen: int = fen(0)
    remitted_fen: int = fen(0)
    refund_due_fen: int = fen(0)
    refunded_fen: int = fen(0)
