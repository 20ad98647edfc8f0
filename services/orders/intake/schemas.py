"""What goes in and out of orders."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from shared.money import Money
from shared.openapi import ProblemDocument
from shared.pagination import Page
from shared.web import Body, Public, Transition

State = Literal["placed", "amended", "locked", "fulfilled", "cancelled"]
Channel = Literal["app", "phone", "paper", "chain"]
Handover = Literal["gate", "door"]
Substitution = Literal["swap", "refund", "call"]
Qty = Annotated[int, Field(ge=1, le=999, strict=True)]


class OrderLineIn(Body):
    """``substitution``: what to do when there is not enough: swap for ``swap_item_id``, refund, or call."""

    item_id: UUID
    qty: Qty
    substitution: Substitution = "refund"
    swap_item_id: UUID | None = None


Lines = Annotated[list[OrderLineIn], Field(min_length=1, max_length=50)]


class OrderCreate(Body):
    """``taken_at``: when an order by phone, on paper or in a chat was taken; never with channel app."""

    id: UUID | None = None
    round_id: UUID
    household_id: UUID
    channel: Channel = "app"
    taken_at: AwareDatetime | None = None
    handover: Handover | None = None
    lines: Lines


class OrderUpdate(Body):
    handover: Handover | None = None


class OrderLinesReplace(Body):
    """All lines of the order from now on."""

    lines: Lines


class OrderCancel(Transition):
    reason_code: Literal["household_request", "duplicate", "mistake", "unreachable", "other"] = "household_request"


class OrderLinePublic(Public):
    """Quantities are kept apart; null: not known yet. ``refunded`` counts units."""

    id: UUID
    item_id: UUID
    requested: int
    confirmed: int | None
    allocated: int | None
    received: int | None
    picked: int | None
    handed_over: int | None
    refunded: int
    unit_price: Money
    charged: Money
    substitution: Substitution
    swap_item_id: UUID | None
    substitute_for: UUID | None


class OrderSummary(Public):
    """``code`` is what people say at the gate and write into a transfer's memo. ``lines`` with ``expand=lines``."""

    id: UUID
    version: int
    area: str
    community_area: str
    code: str
    round_id: UUID
    purchase_id: UUID
    household_id: UUID
    buyer_id: UUID | None
    placed_by: UUID
    channel: Channel
    consent_id: UUID | None
    state: State
    reason: str | None
    handover: Handover
    taken_at: AwareDatetime
    placed_at: AwareDatetime
    amended_at: AwareDatetime | None
    locked_at: AwareDatetime | None
    fulfilled_at: AwareDatetime | None
    cancelled_at: AwareDatetime | None
    lines: list[OrderLinePublic] | None = None


class OrderPublic(OrderSummary):
    """``owed`` is the order's charge; what is left to pay is owed - collected + refund_due + refunded."""

    lines: list[OrderLinePublic]
    owed: Money
    collected: Money
    remitted: Money
    refund_due: Money
    refunded: Money
    allowed_actions: list[str] | None = None


class OrderPage(Page):
    items: list[OrderSummary]


class OrderBatchRow(OrderCreate):
    row_id: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[!-~]+$")]


class OrderBatch(Body):
    atomic: bool = False
    rows: Annotated[list[OrderBatchRow], Field(min_length=1, max_length=500)]


class OrderBatchRowOutcome(Public):
    row_id: str
    outcome: Literal["created", "unchanged", "rejected"]
    id: UUID | None
    problem: ProblemDocument | None


class OrderBatchOutcome(Public):
    rows: list[OrderBatchRowOutcome]


class Quota(Public):
    """What a household may still order of a rationed item in a round."""

    round_id: UUID
    household_id: UUID
    item_id: UUID
    ceiling: int
    used: int
    left: int


class QuotaPage(Page):
    items: list[Quota]
