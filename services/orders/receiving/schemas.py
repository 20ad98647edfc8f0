"""Receipts and lots over HTTP."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.orders.receiving.domain import RecallReason
from shared.areas import AreaPath
from shared.pagination import Page
from shared.web import Body, Public, Transition

Units = Annotated[int, Field(ge=0, le=1_000_000)]
Note = Annotated[str, Field(max_length=500)]
State = Literal["draft", "completed"]


class ReceiptLineIn(Body):
    """Units of one lot of an item. ``lot_no`` as printed on the box; the delivery's date when left out."""

    item_id: UUID
    lot_no: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    received: Units
    damaged: Units = 0


Lines = Annotated[list[ReceiptLineIn], Field(max_length=1000)]


class GoodsReceiptCreate(Body):
    """``area``: the community whose gate the truck came to, or a place that covers several."""

    id: UUID | None = None
    purchase_id: UUID
    area: AreaPath
    arrived_at: AwareDatetime | None = None
    note: Note | None = None
    lines: Lines = Field(default_factory=list)


class GoodsReceiptUpdate(Body):
    arrived_at: AwareDatetime | None = None
    note: Note | None = None


class GoodsReceiptLines(Body):
    """All lines anew."""

    lines: Lines


class ReceiptLot(Public):
    lot_id: UUID
    lot_no: str
    received: int
    damaged: int


class ReceiptItem(Public):
    """One item in its numbers, for the households of the receipt's area: ``ordered``, ``confirmed`` by the store,
    ``received`` and ``damaged`` (null until counted), ``short``: confirmed and not usable."""

    item_id: UUID
    name: str
    unit: str
    ordered: int
    confirmed: int
    received: int | None
    damaged: int | None
    short: int | None
    lots: list[ReceiptLot]


class GoodsReceiptSummary(Public):
    id: UUID
    version: int
    purchase_id: UUID
    area: str
    state: State
    note: str | None
    arrived_at: AwareDatetime | None
    created_by: UUID
    created_at: AwareDatetime
    completed_by: UUID | None
    completed_at: AwareDatetime | None


class GoodsReceiptPublic(GoodsReceiptSummary):
    items: list[ReceiptItem]


class GoodsReceiptPage(Page):
    items: list[GoodsReceiptSummary]


class LotRecall(Transition):
    reason_code: RecallReason


class LotPublic(Public):
    """``reason`` and ``recalled_at`` once it is recalled."""

    id: UUID
    version: int
    area: str
    purchase_id: UUID
    item_id: UUID
    lot_no: str
    created_at: AwareDatetime
    recalled_at: AwareDatetime | None
    recalled_by: UUID | None
    reason: str | None


class LotPage(Page):
    items: list[LotPublic]
