"""What came off the truck, by item and lot."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from services.orders.rows import Base, area_field, maybe_moment, moment


class GoodsReceipt(Base, table=True):
    """What one truck brought of a purchase to one place: a community's gate, or one gate for several (``area``)."""

    __tablename__ = "goods_receipts"

    id: UUID = Field(primary_key=True)
    version: int = 1
    purchase_id: UUID
    area: str = area_field()
    state: str = "draft"
    note: str | None = None
    arrived_at: datetime | None = maybe_moment()
    created_by: UUID
    created_at: datetime = moment()
    completed_by: UUID | None = None
    completed_at: datetime | None = maybe_moment()


class GoodsReceiptLine(Base, table=True):
    """Units of one item and lot. ``damaged`` is a part of ``received``; ``ordered`` and ``confirmed`` (what the
    households of the receipt's area had asked for, and were allocated) count the item, whatever its lots. ``packed``:
    already in bags."""

    __tablename__ = "goods_receipt_lines"

    receipt_id: UUID = Field(primary_key=True)
    item_id: UUID = Field(primary_key=True)
    lot_id: UUID = Field(primary_key=True)
    ordered: int
    confirmed: int
    received: int
    damaged: int = 0
    packed: int = 0


class Lot(Base, table=True):
    __tablename__ = "lots"

    id: UUID = Field(primary_key=True)
    version: int = 1
    item_id: UUID
    purchase_id: UUID
    lot_no: str
    area: str = area_field()
    created_at: datetime = moment()
    recalled_at: datetime | None = maybe_moment()
    recalled_by: UUID | None = None
    reason: str | None = None
