"""What happens to all parcels of a purchase at once: expected when the store confirms, received with the truck."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders.parcels.completion import complete_orders
from services.orders.parcels.domain import PARCEL
from services.orders.parcels.messages import parcel_event
from services.orders.parcels.tables import Parcel, Wave
from shared.bus.outbox import record_many
from shared.contracts import orders as contracts
from shared.database import insert_rows
from shared.ids import new_id

_WEIGHTS = text(
    "SELECT l.order_id, sum(l.allocated * i.weight_g)::integer AS weight_g, sum(l.allocated)::integer AS units"
    " FROM order_lines l JOIN catalog_items i ON i.id = l.item_id"
    " WHERE l.purchase_id = :purchase_id AND l.allocated > 0 GROUP BY l.order_id"
)
_WITHOUT_PARCEL = text(
    "SELECT id, area, community_area, round_id, household_id, handover FROM orders"
    " WHERE purchase_id = :purchase_id AND state = 'locked'"
    " AND NOT EXISTS (SELECT 1 FROM parcels WHERE parcels.order_id = orders.id) ORDER BY id"
)


async def expect_parcels(db: AsyncSession, purchase_id: UUID, now: datetime) -> int:
    """Makes a parcel for every locked order that was allocated anything and has none yet; returns how many."""
    weights = {r.order_id: r.weight_g for r in (await db.execute(_WEIGHTS, {"purchase_id": purchase_id})).all()}
    orders = (await db.execute(_WITHOUT_PARCEL, {"purchase_id": purchase_id})).all()
    parcels = [
        Parcel(
            id=new_id(),
            version=1,
            area=order.area,
            community_area=order.community_area,
            order_id=order.id,
            round_id=order.round_id,
            purchase_id=purchase_id,
            household_id=order.household_id,
            state="expected",
            handover=order.handover,
            weight_g=weights[order.id],
            created_at=now,
        )
        for order in orders
        if order.id in weights
    ]
    await insert_rows(db, Parcel, [parcel.model_dump() for parcel in parcels])
    await record_many(db, contracts.PARCEL, "parcel.created", [parcel_event(parcel) for parcel in parcels])
    return len(parcels)


async def withdraw_parcels(db: AsyncSession, purchase_id: UUID, reason: str) -> int:
    """The purchase is cancelled: no bag of it is expected any more. Returns how many were."""
    query = (
        select(Parcel)
        .where(col(Parcel.purchase_id) == purchase_id, col(Parcel.state) == "expected")
        .order_by(col(Parcel.id))
        .with_for_update()
    )
    parcels = list((await db.execute(query)).scalars())
    for parcel in parcels:
        parcel.state, parcel.reason, parcel.version = PARCEL.step(parcel.state, "miss"), reason, parcel.version + 1
    await db.flush()
    await record_many(db, contracts.PARCEL, "parcel.returned", [parcel_event(parcel) for parcel in parcels])
    return len(parcels)


async def receive_parcels(
    db: AsyncSession, purchase_id: UUID, community_areas: Sequence[str], goods_receipt_id: UUID, now: datetime
) -> int:
    """The goods of these communities are at their gates and allocated: their parcels may be packed.

    An order of which nothing arrived loses its parcel to ``returned(nothing_received)``. Door parcels of one compound
    become a wave. Returns how many parcels were received.
    """
    query = (
        select(Parcel)
        .where(
            col(Parcel.purchase_id) == purchase_id,
            col(Parcel.community_area).in_(community_areas),
            col(Parcel.state) == "expected",
        )
        .order_by(col(Parcel.id))
        .with_for_update()
    )
    expected = list((await db.execute(query)).scalars())
    weights = {r.order_id: r.weight_g for r in (await db.execute(_WEIGHTS, {"purchase_id": purchase_id})).all()}
    received = [parcel for parcel in expected if parcel.order_id in weights]
    missing = [parcel for parcel in expected if parcel.order_id not in weights]
    await _make_waves(db, [p for p in received if p.handover == "door"], goods_receipt_id, now)
    for parcel in received:
        parcel.state, parcel.weight_g, parcel.version = "received", weights[parcel.order_id], parcel.version + 1
    for parcel in missing:
        parcel.state, parcel.reason, parcel.weight_g = "returned", "nothing_received", 0
        parcel.version += 1
    await db.flush()
    await record_many(db, contracts.PARCEL, "parcel.received", [parcel_event(parcel) for parcel in received])
    await record_many(db, contracts.PARCEL, "parcel.returned", [parcel_event(parcel) for parcel in missing])
    await complete_orders(db, [parcel.order_id for parcel in missing], now)
    return len(received)


async def _make_waves(db: AsyncSession, parcels: Sequence[Parcel], goods_receipt_id: UUID, now: datetime) -> None:
    by_compound: dict[str, list[Parcel]] = {}
    for parcel in parcels:
        by_compound.setdefault(_compound(parcel), []).append(parcel)
    for compound, members in by_compound.items():
        wave = Wave(
            id=new_id(),
            version=1,
            area=compound,
            purchase_id=members[0].purchase_id,
            goods_receipt_id=goods_receipt_id,
            parcel_count=len(members),
            state="packing",
            created_at=now,
        )
        db.add(wave)
        await db.flush()
        for parcel in members:
            parcel.wave_id = wave.id


def _compound(parcel: Parcel) -> str:
    """The compound's path: one segment below the community."""
    below = parcel.area.removeprefix(f"{parcel.community_area}.").split(".")
    return f"{parcel.community_area}.{below[0]}"
