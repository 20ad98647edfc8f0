"""What a household is told, in which words, and why it is told only once. Pure.

A notice to one household never mentions another. ``told_once_as`` is unique in the database: whatever comes twice is
told once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from shared.money import display

Kind = Literal["shortage", "order_cancelled", "parcel_called", "refund_paid"]
OWN_WISH = frozenset({"household_request", "duplicate"})
"""Reasons for which an order is cancelled that the household need not be told: it asked for it."""

REASONS: Mapping[str, tuple[str, str]] = {
    "minimum_missed": ("本轮未达到起送量", "the round did not reach its minimum"),
    "store_refused": ("商店无法供货", "the store could not deliver"),
    "store_silent": ("商店未作答复", "the store did not answer"),
    "store_cannot_deliver": ("商店无法供货", "the store could not deliver"),
    "goods_unavailable": ("货源不足", "the goods are not available"),
    "unpaid": ("截单时尚未付款", "it was not paid when the round closed"),
    "emergency": ("防控需要", "the emergency requires it"),
}
OTHER = ("详情请联系社区", "ask your community for details")
RETRY_DELAYS = (2, 5, 15, 60, 300)
SMS_ATTEMPTS = 20
"""After that a worker calls: at 300 s each about an hour and a half."""


@dataclass(frozen=True)
class Told:
    """One thing that one household is told."""

    kind: Kind
    told_once_as: str
    household_id: UUID
    area: str
    refs: Mapping[str, UUID]
    zh: str
    en: str


def shortage(household_id: UUID, purchase_id: UUID, order_id: UUID, reason: str, area: str, zh: str, en: str) -> Told:
    """Told once per household, purchase and reason; the sentence is the owner's."""
    once = f"shortage:{household_id}:{purchase_id}:{reason}"
    refs = {"purchase_id": purchase_id, "order_id": order_id}
    return Told("shortage", once, household_id, area, refs, f"缺货说明: {zh}", f"About your order: {en}")


def order_cancelled(household_id: UUID, order_id: UUID, code: str, reason: str | None, area: str) -> Told:
    """Told once per order."""
    zh, en = REASONS.get(reason or "", OTHER)
    return Told(
        "order_cancelled",
        f"order_cancelled:{order_id}",
        household_id,
        area,
        {"order_id": order_id},
        f"您的订单 {code} 已取消: {zh}。已付的款项会退还。",
        f"Your order {code} was cancelled: {en}. What you paid will be refunded.",
    )


def parcel_called(
    household_id: UUID, parcel_id: UUID, order_id: UUID, seq: int, gate_number: int | None, area: str
) -> Told:
    """Told once per call; somebody who was not there is called again."""
    number = "" if gate_number is None else f" {gate_number}"
    return Told(
        "parcel_called",
        f"parcel_called:{parcel_id}:{seq}",
        household_id,
        area,
        {"parcel_id": parcel_id, "order_id": order_id},
        f"请到小区门口领取您的物品, 号码{number}。",
        f"Please collect your bags at the gate, number{number}.",
    )


def refund_paid(household_id: UUID, payment_id: UUID, amount_fen: int, area: str) -> Told:
    """Told once per refund."""
    amount = display(amount_fen)
    return Told(
        "refund_paid",
        f"refund_paid:{payment_id}",
        household_id,
        area,
        {"refund_id": payment_id},
        f"退款 {amount} 已支付给您。",
        f"A refund of {amount} was paid to you.",
    )


def retry_delay(attempts: int) -> float | None:
    """Seconds until an SMS is tried again after attempt number ``attempts``; None when a worker should call instead."""
    if attempts >= SMS_ATTEMPTS:
        return None
    return RETRY_DELAYS[min(attempts, len(RETRY_DELAYS)) - 1]
