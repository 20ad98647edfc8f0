"""A purchase: what one store delivers on one date, for all its communities.

It sends itself at ``send_at``. A store that is silent until ``confirm_by`` is asked once more, then the purchase is
cancelled. Whatever cancels it, every order in it is cancelled and every fen goes back.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from services.orders.purchasing.tables import Purchase
from shared.clock import shanghai_date
from shared.machine import Machine
from shared.problems import Conflict, FieldError, Invalid, invalid

Ending = Literal["cancel", "refuse"]

PURCHASE = Machine(
    "purchase",
    {
        "open": {"send": "sent", "cancel": "cancelled"},
        "sent": {"resend": "sent", "confirm": "confirmed", "refuse": "cancelled", "cancel": "cancelled"},
        "confirmed": {"receive": "receiving", "cancel": "cancelled"},
        "receiving": {"settle": "settling"},
        "settling": {"complete": "completed"},
    },
)
MOST_SENDINGS = 5


def check_dates(send_at: datetime, delivery_on: date, lead_days: int, now: datetime) -> None:
    """Raises Invalid: sending is to come, and the store needs ``lead_days`` before it delivers."""
    if send_at <= now:
        raise invalid("/send_at", "too_early", "发送时间须在将来。", "send_at must be in the future.")
    if shanghai_date(send_at) + timedelta(days=lead_days) > delivery_on:
        raise invalid(
            "/delivery_on",
            "too_early",
            f"须在发送日之后至少 {lead_days} 天送货。",
            f"The store delivers {lead_days} day(s) after the day of send_at at the earliest; choose a later day.",
            min_days=lead_days,
        )


def send(purchase: Purchase, now: datetime) -> str | None:
    """The store is asked. None if it was sent before."""
    if (state := PURCHASE.step(purchase.state, "send")) == purchase.state:
        return None
    purchase.state, purchase.sent_at = state, now
    return _ask(purchase, "purchase.sent", now)


def resend(purchase: Purchase, now: datetime) -> str:
    """The store is asked again, and has as long as the first time. Raises Conflict (limit_reached) after five times."""
    purchase.state = PURCHASE.step(purchase.state, "resend")
    if purchase.sent_count >= MOST_SENDINGS:
        raise Conflict(
            ("已多次发送, 请改为取消或致电商店。", "It was sent often enough; telephone the store, or cancel."),
            code="limit_reached",
        )
    return _ask(purchase, "purchase.resent", now)


def _ask(purchase: Purchase, event: str, now: datetime) -> str:
    purchase.confirm_by = now + timedelta(seconds=purchase.confirm_seconds)
    purchase.sent_count += 1
    purchase.version += 1
    return event


def silence(purchase: Purchase, now: datetime) -> Literal["resend", "cancel"] | None:
    """What a store's silence means now: None while it has time, or when it has answered."""
    if purchase.state != "sent" or purchase.confirm_by is None or now < purchase.confirm_by:
        return None
    return "resend" if purchase.sent_count < 2 else "cancel"


def check_confirmation(ordered: Mapping[UUID, int], lines: Sequence[tuple[UUID, int]]) -> None:
    """Raises Invalid unless every ordered item is answered once, nothing unknown, nothing above what was ordered."""
    errors = []
    seen: set[UUID] = set()
    for index, (item_id, qty) in enumerate(lines):
        pointer = f"/lines/{index}"
        if item_id not in ordered:
            text = ("采购单中没有此商品。", "The purchase has no such item; read its demand.")
            errors.append(FieldError(f"{pointer}/item_id", "unknown", text))
        elif item_id in seen:
            errors.append(
                FieldError(f"{pointer}/item_id", "duplicate", ("同一商品只能列一次。", "List each item once."))
            )
        elif qty > ordered[item_id]:
            most = ordered[item_id]
            text = (f"最多确认 {most}。", f"Confirm at most {most}: that many were ordered.")
            errors.append(FieldError(f"{pointer}/confirmed_qty", "too_large", text, params={"max": most}))
        seen.add(item_id)
    if missing := [item for item, qty in ordered.items() if qty and item not in seen]:
        text = (
            f"还有 {len(missing)} 种已订商品未确认。",
            f"{len(missing)} ordered item(s) are not answered; name each, with 0 if there is none.",
        )
        errors.append(FieldError("/lines", "missing_items", text))
    if errors:
        raise Invalid(errors[0].detail, errors=errors)


def confirm(purchase: Purchase, now: datetime) -> str | None:
    """The store has said what it delivers. None if it had."""
    if (state := PURCHASE.step(purchase.state, "confirm")) == purchase.state:
        return None
    purchase.state, purchase.confirmed_at = state, now
    purchase.version += 1
    return "purchase.confirmed"


def cancel(purchase: Purchase, action: Ending, reason: str, now: datetime) -> str | None:
    """It will not be delivered. None if it was cancelled."""
    if (state := PURCHASE.step(purchase.state, action)) == purchase.state:
        return None
    purchase.state, purchase.reason, purchase.cancelled_at = state, reason, now
    purchase.version += 1
    return "purchase.refused" if action == "refuse" else "purchase.cancelled"
