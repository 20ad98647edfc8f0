"""Right after a receipt is completed: what is short is shared out, bags become packable, rounds have arrived."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders.allocation.use_cases import allocate
from services.orders.money.settlement import complete_if_settled
from services.orders.parcels.arrivals import receive_parcels
from services.orders.parcels.completion import complete_rounds
from services.orders.purchasing.tables import Purchase
from services.orders.receiving.tables import GoodsReceipt
from services.orders.receiving.use_cases import SETTLE, advance_purchase
from services.orders.rounds import domain as rounds
from services.orders.rounds.messages import round_event
from services.orders.rounds.tables import Round
from shared.areas import covers
from shared.bus.outbox import record
from shared.contracts import orders as contracts
from shared.database import fetched, locked
from shared.timers import Handler


async def on_settle(db: AsyncSession, receipt_id: UUID, now: datetime) -> None:
    """Looks at the receipt itself; when the goods of every round are in, the purchase goes on to settling."""
    receipt = await fetched(db, GoodsReceipt, receipt_id)
    purchase = await locked(db, Purchase, receipt.purchase_id)
    if receipt.state != "completed" or purchase.state != "receiving":
        return
    await allocate(db, purchase.id, "received_short", now, receipt.area)
    communities = [area for area in purchase.areas if covers(receipt.area, area)]
    await receive_parcels(db, purchase.id, communities, receipt.id, now)
    found = await _rounds(db, purchase.id)
    here = [round for round in found if round.area in communities]
    for round in here:
        if round.state == "confirmed" and (happened := rounds.advance(round, "arrive", now)):
            record(db, contracts.ROUND, happened, round_event(round))
    await db.flush()
    await complete_rounds(db, [round.id for round in here], now)
    if all(round.state in ("arrived", "completed", "cancelled") for round in found):
        await advance_purchase(db, purchase, "settle", "purchase.settling")
        await complete_if_settled(db, purchase.id, now)


async def _rounds(db: AsyncSession, purchase_id: UUID) -> list[Round]:
    query = select(Round).where(col(Round.purchase_id) == purchase_id).order_by(col(Round.id)).with_for_update()
    return list((await db.execute(query)).scalars())


TIMERS: dict[str, Handler] = {SETTLE: on_settle}
