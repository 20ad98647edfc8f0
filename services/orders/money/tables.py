"""Double entry in fen: journals and postings are only added; payments, remittances and refunds are their causes."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field

from services.orders.rows import Base, area_field, fen, maybe_moment, moment


class Journal(Base, table=True):
    """One happening; its postings sum to zero. ``ref_id``: the payment, remittance or refund behind it."""

    __tablename__ = "journals"

    id: UUID = Field(primary_key=True)
    kind: str
    area: str = area_field()
    order_id: UUID | None = None
    purchase_id: UUID | None = None
    ref_id: UUID | None = None
    recorded_by: UUID | None = None
    recorded_at: datetime = moment()


class Posting(Base, table=True):
    __tablename__ = "postings"

    id: UUID = Field(primary_key=True)
    journal_id: UUID
    account: str
    amount_fen: int = fen()


class Payment(Base, table=True):
    """Money that a household gave; ``payer`` and ``memo`` are sealed."""

    __tablename__ = "payments"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = area_field()
    order_id: UUID | None = None
    household_id: UUID | None = None
    method: str
    amount_fen: int = fen()
    payer: bytes | None = None
    memo: bytes | None = None
    external_ref: str | None = None
    state: str
    reason: str | None = None
    collected_by: UUID | None = None
    paid_at: datetime | None = maybe_moment()
    created_at: datetime = moment()
    matched_at: datetime | None = maybe_moment()


class Remittance(Base, table=True):
    __tablename__ = "remittances"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = area_field()
    purchase_id: UUID
    store_id: UUID
    amount_fen: int = fen()
    reference: str | None = None
    remitted_by: UUID
    created_at: datetime = moment()


class Refund(Base, table=True):
    """Money owed back to a household; ``liable`` names who pays."""

    __tablename__ = "refunds"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = area_field()
    order_id: UUID
    household_id: UUID
    line_id: UUID | None = None
    amount_fen: int = fen()
    liable: str
    reason: str
    state: str = "due"
    created_at: datetime = moment()
    approved_by: UUID | None = None
    approved_at: datetime | None = maybe_moment()
    paid_by: UUID | None = None
    paid_at: datetime | None = maybe_moment()
