"""Calls to be made, opened many at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.callbacks.messages import callback_event
from services.orders.callbacks.tables import Callback
from shared.bus.outbox import record_many
from shared.contracts import orders as contracts
from shared.database import insert_rows
from shared.ids import new_id
from shared.timers import schedule

EXPIRE = "callbacks.expire"


@dataclass(frozen=True)
class Call:
    """Why a household is called; ``line_id`` and ``qty`` when it chooses what becomes of units of a line."""

    area: str
    household_id: UUID
    order_id: UUID
    reason: str
    line_id: UUID | None = None
    qty: int = 0


async def open_calls(db: AsyncSession, calls: Sequence[Call], now: datetime, due_at: datetime) -> list[Callback]:
    """Queues them; a call about a line that is open at ``due_at`` ends in a refund then."""
    rows = [
        Callback(
            id=new_id(),
            area=call.area,
            household_id=call.household_id,
            order_id=call.order_id,
            line_id=call.line_id,
            qty=call.qty,
            reason=call.reason,
            due_at=due_at,
            created_at=now,
        )
        for call in calls
    ]
    await insert_rows(db, Callback, [row.model_dump() for row in rows])
    await record_many(db, contracts.RECORD, "callback.created", [callback_event(row) for row in rows])
    for row in rows:
        if row.line_id is not None:
            await schedule(db, EXPIRE, row.id, due_at)
    return rows
