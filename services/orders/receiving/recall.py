"""A lot is recalled: every bag that holds it is flagged, wherever it is, also when it was collected long ago."""

from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders.parcels.messages import parcel_event
from services.orders.parcels.tables import Parcel
from services.orders.purchasing.tables import Purchase
from services.orders.receiving.messages import lot_event
from services.orders.receiving.schemas import LotRecall
from services.orders.receiving.tables import Lot
from shared.auth import Principal
from shared.bus.outbox import record, record_many
from shared.contracts import orders as contracts
from shared.database import fetched, locked, transaction_time
from shared.walls import beyond_callers_areas

_FLAG = text(
    "UPDATE parcels p SET recalled = true, version = p.version + 1 FROM (SELECT id FROM parcels WHERE id IN"
    " (SELECT parcel_id FROM parcel_lots WHERE lot_id = :lot_id) AND NOT recalled ORDER BY id FOR UPDATE) AS held"
    " WHERE p.id = held.id RETURNING p.id"
)


async def recall_lot(db: AsyncSession, who: Principal, lot_id: UUID, body: LotRecall) -> Lot:
    """Flags every bag with units of the lot; each household is told by its bag's ``parcel.recalled``.

    The lot is locked first, as packers lock it: a bag that is being packed is flagged too, or packed without it. The
    store that sold it may recall it without seeing a single bag.
    """
    lot = await locked(db, Lot, lot_id)
    purchase = await fetched(db, Purchase, lot.purchase_id)
    who.must("lots.recall", on=lot.area, organization=purchase.store_id)
    if lot.recalled_at is not None:
        return lot
    lot.recalled_at, lot.recalled_by, lot.reason = transaction_time(db), who.id, body.reason_code
    lot.version += 1
    record(db, contracts.RECORD, "lot.recalled", lot_event(lot))
    async with beyond_callers_areas(db):
        ids = list((await db.execute(_FLAG, {"lot_id": lot.id})).scalars())
        query = select(Parcel).where(col(Parcel.id).in_(ids)).order_by(col(Parcel.id))
        bags = (await db.execute(query.execution_options(populate_existing=True))).scalars()
        await record_many(db, contracts.PARCEL, "parcel.recalled", [parcel_event(bag) for bag in bags])
    return lot
