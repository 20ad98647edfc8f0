"""What one store delivers on one date, with its stock."""

from datetime import date, datetime
from uuid import UUID

from sqlmodel import Field

from services.orders.rows import Base, area_field, areas_field, fen, maybe_moment, moment


class Purchase(Base, table=True):
    """Gathers the rounds of all its communities: one order, one confirmation, one shortage, one remittance."""

    __tablename__ = "purchases"

    id: UUID = Field(primary_key=True)
    version: int = 1
    code: str
    store_id: UUID
    area: str = area_field()
    areas: list[str] = areas_field()
    state: str = "open"
    reason: str | None = None
    delivery_on: date
    send_at: datetime = moment()
    confirm_by: datetime | None = maybe_moment()
    confirm_seconds: int
    price_list_id: UUID
    sent_count: int = 0
    created_by: UUID
    created_at: datetime = moment()
    sent_at: datetime | None = maybe_moment()
    confirmed_at: datetime | None = maybe_moment()
    completed_at: datetime | None = maybe_moment()
    cancelled_at: datetime | None = maybe_moment()


class PurchaseItem(Base, table=True):
    """Stock of one item: initial = net sold + left. ``ration``: most units per household and round; null = no limit."""

    __tablename__ = "purchase_items"

    purchase_id: UUID = Field(primary_key=True)
    item_id: UUID = Field(primary_key=True)
    price_fen: int = fen()
    initial: int
    left: int
    ration: int | None = None
    confirmed: int | None = None
    received: int | None = None
