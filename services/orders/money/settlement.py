"""A purchase is completed when every order of it is final and no fen is left between its parties."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders.purchasing.domain import PURCHASE
from services.orders.purchasing.messages import purchase_event
from services.orders.purchasing.tables import Purchase, PurchaseItem
from shared.bus.outbox import record
from shared.contracts import orders as contracts
from shared.database import locked
from shared.walls import beyond_callers_areas

_OPEN = text(
    "SELECT EXISTS (SELECT 1 FROM orders o JOIN order_money m ON m.order_id = o.id WHERE o.purchase_id = :id"
    " AND (o.state NOT IN ('fulfilled', 'cancelled') OR m.owed_fen <> m.remitted_fen OR m.refund_due_fen <> 0))"
)


async def complete_if_settled(db: AsyncSession, purchase_id: UUID, now: datetime) -> None:
    """Completes a settling purchase whose goods and money have all reached their end."""
    purchase = await locked(db, Purchase, purchase_id)
    if purchase.state != "settling":
        return
    await db.flush()
    # Whoever comes last completes it: also a worker who sees the orders of one community alone.
    async with beyond_callers_areas(db):
        is_open = (await db.execute(_OPEN, {"id": purchase_id})).scalar_one()
    if is_open:
        return
    purchase.state, purchase.completed_at = PURCHASE.step(purchase.state, "complete"), now
    purchase.version += 1
    items = select(PurchaseItem).where(col(PurchaseItem.purchase_id) == purchase_id)
    record(
        db,
        contracts.PURCHASE,
        "purchase.completed",
        purchase_event(purchase, (await db.execute(items)).scalars().all()),
    )
