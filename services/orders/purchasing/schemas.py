"""What goes in and out of purchases."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.areas import AreaPath
from shared.money import Money
from shared.pagination import Page
from shared.web import Body, Public, Transition

State = Literal["open", "sent", "confirmed", "receiving", "settling", "completed", "cancelled"]


class PurchaseItemIn(Body):
    item_id: UUID
    initial: Annotated[int, Field(ge=0, le=1_000_000, description="Units that the store can deliver.")]
    ration: Annotated[int, Field(ge=1, le=999, description="Most units per household and round.")] | None = None


class PurchaseCreate(Body):
    """``price_list_id``: a signed list of the store that is in force; the newest one when left out."""

    id: UUID | None = None
    store_id: UUID
    areas: Annotated[list[AreaPath], Field(min_length=1, max_length=200, description="Communities.")]
    delivery_on: date
    send_at: AwareDatetime
    confirm_seconds: Annotated[int, Field(ge=1, le=7 * 86_400)] | None = None
    price_list_id: UUID | None = None
    items: Annotated[list[PurchaseItemIn], Field(min_length=1, max_length=500)]


class PurchaseCancel(Transition):
    reason_code: Literal["goods_unavailable", "store_cannot_deliver", "mistake", "emergency", "other"] = "other"


class PurchaseRefuse(Transition):
    """``store_id``: for which store the caller speaks; a purchase of another store is not found."""

    store_id: UUID | None = None


class ConfirmedLine(Body):
    item_id: UUID
    confirmed_qty: Annotated[int, Field(ge=0, le=1_000_000)]


class PurchaseConfirm(Transition):
    """Every ordered item once, 0 if there is none. ``store_id``: for which store the caller speaks."""

    store_id: UUID | None = None
    lines: Annotated[list[ConfirmedLine], Field(min_length=1, max_length=500)]


class PurchaseItemPublic(Public):
    """``ordered`` is net of cancellations and grows until the purchase is sent; null: not known yet."""

    item_id: UUID
    name: str
    unit: str
    price: Money
    initial: int
    left: int
    ration: int | None
    ordered: int
    confirmed: int | None
    received: int | None


class PurchaseSummary(Public):
    id: UUID
    version: int
    code: str
    store_id: UUID
    area: str
    areas: list[str]
    state: State
    reason: str | None
    delivery_on: date
    send_at: AwareDatetime
    confirm_by: AwareDatetime | None
    price_list_id: UUID
    sent_count: int
    created_at: AwareDatetime
    sent_at: AwareDatetime | None
    confirmed_at: AwareDatetime | None
    completed_at: AwareDatetime | None
    cancelled_at: AwareDatetime | None


class PurchasePublic(PurchaseSummary):
    items: list[PurchaseItemPublic]
    allowed_actions: list[str] | None = None


class PurchasePage(Page):
    items: list[PurchaseSummary]


class CommunityDemand(Public):
    """What one community ordered of one item."""

    area: str
    item_id: UUID
    ordered: int
    orders: int


class PurchaseDemand(Public):
    """Live: what is ordered so far, in all and by community; never by whom."""

    purchase_id: UUID
    as_of: AwareDatetime
    items: list[PurchaseItemPublic]
    communities: list[CommunityDemand]
