"""Somebody calls the household: to let it choose what becomes of missing units, or to tell it what was decided.

``open → claimed → resolved``. A call about missing units that nobody has settled by its time ends in a refund, so that
no order waits for ever. Who wants to wait gets another call later.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from services.orders.callbacks.tables import Callback
from shared.machine import Machine
from shared.problems import Conflict, invalid

CALLBACK = Machine(
    "callback",
    {
        "open": {"claim": "claimed", "resolve": "resolved"},
        "claimed": {"resolve": "resolved"},
        "resolved": {},
    },
)
Outcome = Literal["swap", "refund", "keep_waiting", "told"]
"""What somebody who calls may report. ``not_reached`` and ``order_ended`` are written by the callback's own timer."""


def claim(callback: Callback, by: UUID, now: datetime) -> str | None:
    """Says who is calling. None if it was that person already; raises Conflict when it is somebody else."""
    if callback.state == "claimed" and callback.claimed_by != by:
        raise Conflict(
            ("已有人在处理这通电话。", "Somebody else is making this call; take another one."), code="duplicate"
        )
    if (state := CALLBACK.step(callback.state, "claim")) == callback.state:
        return None
    callback.state, callback.claimed_by, callback.claimed_at = state, by, now
    callback.version += 1
    return "callback.claimed"


def check_outcome(callback: Callback, outcome: Outcome, swap_item_id: UUID | None) -> None:
    """Raises Invalid for an outcome that does not fit what the call is about."""
    if (callback.line_id is None) != (outcome == "told"):
        raise invalid(
            "/outcome",
            "does_not_fit",
            "通知类电话填 told; 需选择的电话填 swap、refund 或 keep_waiting。",
            "A call that only tells ends as told; one that offers a choice as swap, refund or keep_waiting.",
        )
    if (outcome == "swap") != (swap_item_id is not None):
        raise invalid(
            "/swap_item_id",
            "required",
            "换货须指明商品, 其他情况不填。",
            "Name the item of a swap, and of a swap only.",
        )


def resolve(callback: Callback, outcome: str, note: str | None, by: UUID | None, now: datetime) -> str | None:
    """Ends the call. None if it had ended so; raises Conflict when it ended otherwise."""
    if callback.state == "resolved" and callback.outcome != outcome:
        raise Conflict(("这通电话已有其他结果。", "This call has ended otherwise already; read it."), code="duplicate")
    if (state := CALLBACK.step(callback.state, "resolve")) == callback.state:
        return None
    callback.state, callback.outcome, callback.note = state, outcome, note
    callback.resolved_by, callback.resolved_at = by, now
    callback.version += 1
    return "callback.resolved"
