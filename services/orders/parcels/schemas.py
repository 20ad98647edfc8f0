"""Parcels, calls at the gate, lists and labels over HTTP."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.orders.parcels.domain import CALL_SIZE, ReturnReason
from shared.pagination import Page
from shared.web import Body, Public

ParcelState = Literal[
    "expected",
    "received",
    "packed",
    "at_gate",
    "collected_at_gate",
    "returned",
    "out",
    "delivered",
    "failed",
]
Handover = Literal["gate", "door"]


class PackedLot(Body):
    lot_id: UUID
    qty: Annotated[int, Field(ge=1, le=9999)]


class PackedLine(Body):
    """What really went into the bag of one line. ``lots``: left out, they are taken in the order of their numbers."""

    line_id: UUID
    picked: Annotated[int, Field(ge=0, le=9999)]
    lots: Annotated[list[PackedLot], Field(max_length=20)] | None = None


class ParcelPack(Body):
    """Lines left out were picked as allocated. Picking less refunds the difference."""

    bags: Annotated[int, Field(ge=1, le=50)] = 1
    lines: Annotated[list[PackedLine], Field(max_length=100)] = []


class ParcelSendBack(Body):
    """The bag goes back; the household gets its money back."""

    reason_code: ReturnReason
    note: Annotated[str, Field(max_length=500)] | None = None


class ParcelLine(Public):
    line_id: UUID
    item_id: UUID
    name: str
    unit: str
    allocated: int
    picked: int | None
    handed_over: int | None


class ParcelSummary(Public):
    """A household's bags of one order. No name and no door: the area ends at the entrance."""

    id: UUID
    version: int
    area: str
    order_id: UUID
    round_id: UUID
    purchase_id: UUID
    household_id: UUID
    state: ParcelState
    reason_code: str | None
    handover: Handover
    weight_g: int
    bags: int
    gate_number: int | None
    called_at: datetime | None
    calls: int
    collected_at: datetime | None
    recalled: bool
    wave_id: UUID | None


class ParcelPublic(ParcelSummary):
    lines: list[ParcelLine]


class ParcelPage(Page):
    items: list[ParcelSummary]


class WavePublic(Public):
    """The door parcels of one compound and receipt; ``ready`` once all are packed."""

    id: UUID
    version: int
    area: str
    purchase_id: UUID
    goods_receipt_id: UUID
    parcel_count: int
    state: Literal["packing", "ready"]
    created_at: datetime
    ready_at: datetime | None


class WavePage(Page):
    items: list[WavePublic]


class GateSlotCreate(Body):
    """Calls the next numbers of a round that wait at the gate."""

    id: UUID | None = None
    round_id: UUID
    size: Annotated[int, Field(ge=1, le=50)] = CALL_SIZE


class GateSlotPublic(Public):
    """Some gate numbers called together; ``waiting`` are those not collected yet."""

    id: UUID
    version: int
    area: str
    round_id: UUID
    numbers: list[int]
    waiting: list[int]
    called_at: datetime


class GateSlotPage(Page):
    items: list[GateSlotPublic]


class PickListLine(Public):
    item_id: UUID
    name: str
    unit: str
    storage: str
    qty: int


class PickListEntry(Public):
    """What one entrance gets in all, and each of its bags."""

    id: str
    area: str
    parcels: int
    weight_g: int
    lines: list[PickListLine]


class PickListPage(Page):
    items: list[PickListEntry]


class BagLabel(Public):
    """What is printed on a bag. Never a name or flat; ``qr`` is opaque."""

    parcel_id: UUID
    area: str
    gate_number: int | None
    order_code: str
    bags: int
    qr: str


class BagLabelPage(Page):
    items: list[BagLabel]
