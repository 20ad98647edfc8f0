"""Money over HTTP: amounts in fen with their currency."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.orders.money.domain import Liable
from shared.money import Money, Price
from shared.pagination import Page
from shared.web import Body, Public

Method = Literal["cash", "wechat", "transfer"]
PaymentState = Literal["collected", "unmatched", "matched", "voided"]
RefundState = Literal["due", "approved", "paid"]
Reason = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,40}$", description="A word of the list of reasons.")]


class PaymentCreate(Body):
    """Money taken from a household for one order by somebody who holds it now."""

    id: UUID | None = None
    order_id: UUID
    amount: Price
    method: Method
    payer: Annotated[str, Field(max_length=60)] | None = None
    paid_at: AwareDatetime | None = None


class PaymentMatch(Body):
    """The order that a transfer was meant for."""

    order_id: UUID


class PaymentVoid(Body):
    reason_code: Reason


class PaymentPublic(Public):
    """A payment; ``payer`` and ``memo`` are masked, null when none was given."""

    id: UUID
    version: int
    area: str
    order_id: UUID | None
    household_id: UUID | None
    method: Method
    amount: Money
    payer: str | None
    memo: str | None
    masked: list[str]
    state: PaymentState
    reason_code: str | None
    collected_by: UUID | None
    paid_at: datetime | None
    created_at: datetime


class PaymentPage(Page):
    items: list[PaymentPublic]


class RemittanceCreate(Body):
    """Sends the store all that its purchase's orders can give now. ``expected`` refuses when that is another amount."""

    id: UUID | None = None
    purchase_id: UUID
    expected: Price | None = None
    reference: Annotated[str, Field(max_length=80)] | None = None


class RemittancePublic(Public):
    id: UUID
    version: int
    area: str
    purchase_id: UUID
    store_id: UUID
    amount: Money
    reference: str | None
    remitted_by: UUID
    created_at: datetime


class RemittancePage(Page):
    items: list[RemittancePublic]


class RefundCreate(Body):
    """Gives a household a part of its charge back. ``liable``: who pays for it in the end."""

    id: UUID | None = None
    order_id: UUID
    amount: Price
    liable: Liable
    reason_code: Reason


class RefundPublic(Public):
    id: UUID
    version: int
    area: str
    order_id: UUID
    household_id: UUID
    line_id: UUID | None
    amount: Money
    liable: Liable
    reason_code: str
    state: RefundState
    created_at: datetime
    approved_by: UUID | None
    approved_at: datetime | None
    paid_by: UUID | None
    paid_at: datetime | None


class RefundPage(Page):
    items: list[RefundPublic]


class PostingPublic(Public):
    """One side of a journal; a positive amount is a debit."""

    id: UUID
    journal_id: UUID
    kind: str
    area: str
    order_id: UUID | None
    purchase_id: UUID | None
    account: str
    amount: Money
    recorded_at: datetime


class PostingPage(Page):
    items: list[PostingPublic]


class StatementOrder(Public):
    """One order's money. ``memo``: what a transfer must carry; ``outstanding``: what is still to be paid."""

    order_id: UUID
    memo: str
    state: str
    placed_at: datetime
    owed: Money
    collected: Money
    outstanding: Money
    refund_due: Money
    refunded: Money


class StatementPublic(Public):
    """Everything between a household and the group buys, newest order first (at most 200)."""

    household_id: UUID
    orders: list[StatementOrder]
    outstanding: Money
    refund_due: Money


class StatementPage(Page):
    items: list[StatementPublic]
