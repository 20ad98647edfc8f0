"""What orders tells: facts with the ids and numbers that others need. Money in integer fen, weights in grams."""

from datetime import date, datetime
from uuid import UUID

from shared.contracts.base import Contract, Topic
from shared.contracts.record import RecordV1


class PurchaseItemV1(Contract):
    """One item of a purchase over all its communities; null while that figure is not known yet."""

    item_id: UUID
    ordered: int
    confirmed: int | None
    received: int | None


class PurchaseV1(Contract):
    """What one store delivers on one date. ``reason``: store_refused, store_silent, minimum_missed, …"""

    id: UUID
    version: int
    area: str
    areas: list[str]
    code: str
    store_id: UUID
    state: str
    reason: str | None
    delivery_on: date
    send_at: datetime
    confirm_by: datetime | None
    items: list[PurchaseItemV1]


class RoundV1(Contract):
    """One community's group buy within a purchase."""

    id: UUID
    version: int
    area: str
    purchase_id: UUID
    store_id: UUID
    state: str
    reason: str | None
    cut_off_at: datetime
    late_entry_until: datetime


class OrderLineV1(Contract):
    """Quantities are kept apart; null while not known yet. A swap names the line it replaces."""

    id: UUID
    item_id: UUID
    requested: int
    confirmed: int | None
    allocated: int | None
    received: int | None
    handed_over: int | None
    unit_price_fen: int
    substitute_for: UUID | None


class OrderV1(Contract):
    """A household's order. ``channel``: app, phone, paper, chain. ``handover``: gate or door."""

    id: UUID
    version: int
    area: str
    code: str
    round_id: UUID
    purchase_id: UUID
    household_id: UUID
    channel: str
    state: str
    reason: str | None
    handover: str
    lines: list[OrderLineV1]
    owed_fen: int


class ShortageV1(Contract):
    """A household got less than it asked for; once per reason (confirmed_short, received_short) and purchase.

    ``zh`` and ``en`` say why to that household; they never mention another one.
    """

    id: UUID
    version: int
    area: str
    household_id: UUID
    purchase_id: UUID
    order_id: UUID
    reason: str
    zh: str
    en: str


class ParcelV1(Contract):
    """One household's bags of one order. ``gate_number`` once it is at the gate; ``called_at`` when it was called."""

    id: UUID
    version: int
    area: str
    order_id: UUID
    round_id: UUID
    purchase_id: UUID
    household_id: UUID
    state: str
    reason: str | None
    handover: str
    weight_g: int
    bags: int
    gate_number: int | None
    called_at: datetime | None
    recalled: bool


class WaveV1(Contract):
    """The door parcels of one compound and receipt, all packed."""

    id: UUID
    version: int
    area: str
    purchase_id: UUID
    goods_receipt_id: UUID
    parcel_count: int
    state: str


class PaymentV1(Contract):
    """Money that moved. ``kind``: collection, remittance, refund. Fen are positive; ``kind`` gives the direction."""

    id: UUID
    version: int
    area: str
    kind: str
    state: str
    amount_fen: int
    order_id: UUID | None
    purchase_id: UUID | None
    household_id: UUID | None


PURCHASE = Topic(
    "orders.purchase.v1",
    "event",
    PurchaseV1,
    (
        "purchase.created",
        "purchase.sent",
        "purchase.resent",
        "purchase.confirmed",
        "purchase.amended",
        "purchase.refused",
        "purchase.receiving",
        "purchase.settling",
        "purchase.completed",
        "purchase.cancelled",
    ),
)
ROUND = Topic(
    "orders.round.v1",
    "event",
    RoundV1,
    (
        "round.created",
        "round.updated",
        "round.opened",
        "round.cut_off",
        "round.extended",
        "round.closed",
        "round.confirmed",
        "round.arrived",
        "round.completed",
        "round.cancelled",
    ),
)
ORDER = Topic(
    "orders.order.v1",
    "event",
    OrderV1,
    (
        "order.placed",
        "order.amended",
        "order.locked",
        "order.allocated",
        "order.substituted",
        "order.fulfilled",
        "order.cancelled",
    ),
)
SHORTAGE = Topic("orders.shortage.v1", "event", ShortageV1, ("shortage.decided",))
PARCEL = Topic(
    "orders.parcel.v1",
    "event",
    ParcelV1,
    (
        "parcel.created",
        "parcel.received",
        "parcel.packed",
        "parcel.staged",
        "parcel.called",
        "parcel.requeued",
        "parcel.collected",
        "parcel.returned",
        "parcel.recalled",
    ),
)
WAVE = Topic("orders.wave.v1", "event", WaveV1, ("wave.ready",))
PAYMENT = Topic(
    "orders.payment.v1",
    "event",
    PaymentV1,
    (
        "payment.created",
        "payment.matched",
        "payment.voided",
        "remittance.created",
        "refund.created",
        "refund.approved",
        "refund.paid",
    ),
)
RECORD = Topic(
    "orders.record.v1",
    "event",
    RecordV1,
    (
        "store_pairing.created",
        "store_pairing.ended",
        "catalog_item.created",
        "catalog_item.updated",
        "package.created",
        "package.updated",
        "price_list.created",
        "price_list.signed",
        "allocation.created",
        "allocation.applied",
        "allocation.replayed",
        "goods_receipt.created",
        "goods_receipt.updated",
        "goods_receipt.completed",
        "lot.created",
        "lot.recalled",
        "callback.created",
        "callback.updated",
        "callback.claimed",
        "callback.resolved",
        "gate_slot.created",
        "operation.finished",
    ),
)

TOPICS = (PURCHASE, ROUND, ORDER, SHORTAGE, PARCEL, WAVE, PAYMENT, RECORD)
