"""A round: one community's group buy.

It closes by time, by capacity, or by hand. At the cut-off residents can no longer order; staff may still key what was
taken before, until ``late_entry_until``; then the minimum is judged by the round's own rule. A round never goes back
once it is closed: a reopened round is a new one, linked to the old.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from services.orders.rounds.tables import Round
from shared.machine import Machine
from shared.problems import Conflict, Invalid, invalid

ROUND = Machine(
    "round",
    {
        "draft": {"open": "open", "cancel": "cancelled"},
        "open": {"extend": "open", "cut_off": "late_entry", "close": "closed", "cancel": "cancelled"},
        "late_entry": {"extend": "open", "close": "closed", "cancel": "cancelled"},
        "closed": {"confirm": "confirmed", "cancel": "cancelled"},
        "confirmed": {"arrive": "arrived", "complete": "completed", "cancel": "cancelled"},
        "arrived": {"complete": "completed"},
    },
)
TAKING = ("open", "late_entry")
"""States in which orders may still come."""

Verdict = Literal["send", "extend", "cancel"]


@dataclass(frozen=True)
class Times:
    """When a round opens, when residents stop, when staff stop."""

    opens_at: datetime
    cut_off_at: datetime
    late_entry_until: datetime

    def check(self, send_at: datetime, now: datetime) -> None:
        """Raises Invalid at the field unless opens_at < cut_off_at ≤ late_entry_until ≤ send_at, cut-off to come."""
        if self.cut_off_at <= self.opens_at or self.cut_off_at <= now:
            raise invalid(
                "/cut_off_at", "too_early", "须晚于开团时间和现在。", "It must be later than opens_at, and to come."
            )
        if self.late_entry_until < self.cut_off_at:
            raise invalid("/late_entry_until", "too_early", "不得早于截单时间。", "It must not be before cut_off_at.")
        if self.late_entry_until > send_at:
            raise after_sending("/late_entry_until")


def after_sending(pointer: str) -> Invalid:
    return invalid(
        pointer,
        "too_late",
        "须不晚于采购单的发送时间。",
        "It must not be after the purchase's send_at: choose an earlier time, or another purchase.",
    )


def open_(round: Round, policy: dict[str, Any], now: datetime) -> str | None:
    """Residents may order from now on; the policy in force is pinned. None if it was open already."""
    if (state := ROUND.step(round.state, "open")) == round.state:
        return None
    if round.cut_off_at <= now:
        raise Conflict(
            ("截单时间已过, 请先修改时间。", "Its cut-off has passed; give it a later cut_off_at first."),
            code="round_closed",
        )
    round.state, round.opened_at, round.policy = state, now, policy
    round.opens_at = min(round.opens_at, now)
    round.version += 1
    return "round.opened"


def cut_off(round: Round, now: datetime) -> str | None:
    """Residents can no longer order. None if it is not open, or if its cut-off has been moved."""
    if round.state != "open" or now < round.cut_off_at:
        return None
    round.state, round.cut_off_done_at = ROUND.step(round.state, "cut_off"), now
    round.version += 1
    return "round.cut_off"


def judge(round: Round, orders: int, send_at: datetime, now: datetime, *, by_hand: bool) -> Verdict:
    """What becomes of a round that ends now with that many orders.

    An extension past ``send_at``, a second one, or one of a round that was closed by hand, means cancel.
    """
    if orders >= max(1, round.minimum_orders) or (orders and round.minimum_rule == "send"):
        return "send"
    by = timedelta(minutes=round.extend_minutes)
    in_time = round.cut_off_at + by > now and round.late_entry_until + by <= send_at
    if round.minimum_rule == "extend" and by and in_time and not round.extended and not by_hand:
        return "extend"
    return "cancel"


def extend(round: Round, cut_off_at: datetime, late_entry_until: datetime) -> str:
    """Residents may order again until a later cut-off. Raises Conflict (limit_reached) the second time."""
    state = ROUND.step(round.state, "extend")
    if round.extended:
        raise Conflict(
            ("本轮已延长过一次。", "The round has been extended once already; open a new round instead."),
            code="limit_reached",
        )
    round.state, round.extended = state, True
    round.cut_off_at, round.late_entry_until = cut_off_at, late_entry_until
    round.cut_off_done_at = None
    round.version += 1
    return "round.extended"


def close(round: Round, reason: str, by: UUID | None, now: datetime) -> str | None:
    """No order comes in any more. ``reason``: time, capacity, by_hand. None if it was closed."""
    if (state := ROUND.step(round.state, "close")) == round.state:
        return None
    round.state, round.close_reason, round.closed_by, round.closed_at = state, reason, by, now
    round.version += 1
    return "round.closed"


def cancel(round: Round, reason: str, now: datetime) -> str | None:
    """The round will not take place. None if it was cancelled."""
    if (state := ROUND.step(round.state, "cancel")) == round.state:
        return None
    round.state, round.reason, round.cancelled_at = state, reason, now
    round.version += 1
    return "round.cancelled"


def advance(round: Round, action: Literal["confirm", "arrive", "complete"], now: datetime) -> str | None:
    """Follows its purchase and its bags. None if it was there."""
    if (state := ROUND.step(round.state, action)) == round.state:
        return None
    round.state = state
    if action == "arrive":
        round.arrived_at = now
    if action == "complete":
        round.completed_at = now
    round.version += 1
    return f"round.{state}"
