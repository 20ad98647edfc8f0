"""Callbacks over HTTP."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.orders.callbacks.domain import Outcome
from shared.pagination import Page
from shared.web import Body, Public

State = Literal["open", "claimed", "resolved"]


class CallbackResolve(Body):
    """How the call ended. ``swap_item_id``: for a swap, an item of the purchase that is left over and costs no more."""

    outcome: Outcome
    swap_item_id: UUID | None = None
    note: Annotated[str, Field(max_length=500)] | None = None


class CallbackPublic(Public):
    """Whom to call is read from registry, for a purpose. ``qty``: units of the line that the household chooses for."""

    id: UUID
    version: int
    area: str
    household_id: UUID
    order_id: UUID
    line_id: UUID | None
    qty: int
    reason: str
    state: State
    claimed_by: UUID | None
    claimed_at: AwareDatetime | None
    due_at: AwareDatetime
    outcome: str | None
    note: str | None
    created_at: AwareDatetime
    resolved_by: UUID | None
    resolved_at: AwareDatetime | None


class CallbackPage(Page):
    items: list[CallbackPublic]
