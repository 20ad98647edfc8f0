"""Bags: one parcel per order, the lots inside, waves for the door, and the calls at the gate."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Integer
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from services.orders.rows import Base, area_field, maybe_moment, moment


class Parcel(Base, table=True):
    """``recalled`` is a flag beside the state, so that it also reaches bags already collected."""

    __tablename__ = "parcels"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = area_field()
    community_area: str = area_field()
    order_id: UUID
    round_id: UUID
    purchase_id: UUID
    household_id: UUID
    state: str = "expected"
    reason: str | None = None
    handover: str
    weight_g: int
    bags: int = 0
    gate_number: int | None = None
    created_at: datetime = moment()
    packed_at: datetime | None = maybe_moment()
    packed_by: UUID | None = None
    staged_at: datetime | None = maybe_moment()
    called_at: datetime | None = maybe_moment()
    calls: int = 0
    collected_at: datetime | None = maybe_moment()
    handed_over_by: UUID | None = None
    recalled: bool = False
    wave_id: UUID | None = None


class ParcelLot(Base, table=True):
    __tablename__ = "parcel_lots"

    parcel_id: UUID = Field(primary_key=True)
    line_id: UUID = Field(primary_key=True)
    lot_id: UUID = Field(primary_key=True)
    qty: int


class Wave(Base, table=True):
    """The door parcels of one compound (``area``) and receipt."""

    __tablename__ = "waves"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = area_field()
    purchase_id: UUID
    goods_receipt_id: UUID
    parcel_count: int
    state: str
    created_at: datetime = moment()
    ready_at: datetime | None = maybe_moment()


class GateSlot(Base, table=True):
    """One call of some gate numbers."""

    __tablename__ = "gate_slots"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = area_field()
    round_id: UUID
    numbers: list[int] = Field(sa_column=Column(ARRAY(Integer), nullable=False))
    called_by: UUID
    called_at: datetime = moment()
