"""Calls to be made, opened many at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders.callbacks.messages import callback_event
from services.orders.callbacks.tables import Callback
from shared.bus.outbox import record_many
from shared.contracts import orders as contracts
from shared.database import insert_rows
from shared.ids import new_id

EXPIRE = "callbacks.expire"
_TIMERS = text(
    "INSERT INTO timers (id, kind, ref, due_at) SELECT t.id, :kind, t.ref, :due_at"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:refs AS uuid[])) AS t(id, ref) ON CONFLICT (kind, ref, due_at) DO NOTHING"
)


@dataclass(frozen=True)
class Call:
    """Why a household is called; ``line_id`` and ``qty`` when it chooses what becomes of units of a line."""

    area: str
    household_id: UUID
    order_id: UUID
    reason: str
    line_id: UUID | None = None
    qty: int = 0


async def open_calls(db: AsyncSession, calls: Sequence[Call], now: datetime, due_at: datetime) -> None:
    """Queues them; a call about a line that is open at ``due_at`` ends in a refund then.

    A line that somebody is to be called about already gets no second call: the first is about more units.
    """
    open_already = await _open_by_line(db, [call.line_id for call in calls if call.line_id is not None])
    for line_id, row in open_already.items():
        row.qty += sum(call.qty for call in calls if call.line_id == line_id)
        row.version += 1
    await db.flush()
    new = [_row(call, now, due_at) for call in calls if call.line_id is None or call.line_id not in open_already]
    await insert_rows(db, Callback, [row.model_dump() for row in new])
    for event, rows in (("callback.updated", [*open_already.values()]), ("callback.created", new)):
        await record_many(db, contracts.RECORD, event, [callback_event(row) for row in rows])
    await _schedule(db, [row.id for row in new if row.line_id is not None], due_at)


async def _open_by_line(db: AsyncSession, line_ids: Sequence[UUID]) -> dict[UUID, Callback]:
    query = (
        select(Callback)
        .where(col(Callback.line_id).in_(line_ids), col(Callback.state) != "resolved")
        .order_by(col(Callback.id))
        .with_for_update()
    )
    rows = (await db.execute(query.execution_options(populate_existing=True))).scalars() if line_ids else ()
    return {row.line_id: row for row in rows if row.line_id is not None}


def _row(call: Call, now: datetime, due_at: datetime) -> Callback:
    return Callback(
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


async def _schedule(db: AsyncSession, ids: Sequence[UUID], due_at: datetime) -> None:
    """As ``shared.timers.schedule``, for many at once."""
    timers = {"ids": [new_id() for _ in ids], "refs": list(ids), "kind": EXPIRE, "due_at": due_at}
    await db.execute(_TIMERS, timers)
