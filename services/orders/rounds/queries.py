"""Reads of rounds: lists, offers, demand, progress."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders.rounds.domain import ROUND
from services.orders.rounds.schemas import DemandItem, Offer, RoundDemand, RoundProgress, RoundPublic
from services.orders.rounds.tables import Round, RoundCounters
from shared.areas import within
from shared.database import fetched, transaction_time
from shared.money import Money

_OFFERS = text(
    'SELECT i.item_id, c.kind, c.name, c.unit, c.weight_g, c.storage, i.price_fen, i."left", i.ration'
    " FROM purchase_items i JOIN catalog_items c ON c.id = i.item_id WHERE i.purchase_id = :purchase"
    " ORDER BY c.name, i.item_id"
)
_DEMAND = text(
    "SELECT d.item_id, c.name, c.unit, d.qty AS ordered, d.orders FROM round_demand(ARRAY[CAST(:round AS uuid)]) d"
    " JOIN catalog_items c ON c.id = d.item_id ORDER BY c.name, d.item_id"
)


def listing(
    areas: Sequence[str],
    states: Sequence[str],
    stores: Sequence[UUID],
    purchases: Sequence[UUID],
    code: str | None,
    cut_off_from: datetime | None,
    cut_off_before: datetime | None,
) -> Select[Round]:
    query = select(Round)
    if areas:
        query = query.where(within(col(Round.area), areas))
    if states:
        query = query.where(col(Round.state).in_(states))
    if stores:
        query = query.where(col(Round.store_id).in_(stores))
    if purchases:
        query = query.where(col(Round.purchase_id).in_(purchases))
    if code:
        query = query.where(col(Round.code) == code)
    if cut_off_from:
        query = query.where(col(Round.cut_off_at) >= cut_off_from)
    if cut_off_before:
        query = query.where(col(Round.cut_off_at) < cut_off_before)
    return query


async def shown(db: AsyncSession, round: Round, expand: Sequence[str] = ()) -> RoundPublic:
    public = RoundPublic.model_validate(round)
    if "offers" in expand:
        rows = await db.execute(_OFFERS, {"purchase": round.purchase_id})
        public.offers = [
            Offer.model_validate(dict(row) | {"price": Money.of(row["price_fen"])}) for row in rows.mappings()
        ]
    if "allowed_actions" in expand:
        public.allowed_actions = ROUND.allowed(round.state)
    return public


async def demand(db: AsyncSession, round_id: UUID) -> RoundDemand:
    """Raises NotFound for a round that the caller may not see."""
    round = await fetched(db, Round, round_id)
    rows = await db.execute(_DEMAND, {"round": round.id})
    return RoundDemand(
        round_id=round.id,
        as_of=transaction_time(db),
        items=[DemandItem.model_validate(dict(row)) for row in rows.mappings()],
    )


async def progress(db: AsyncSession, round_id: UUID) -> RoundProgress:
    """Raises NotFound for a round that the caller may not see."""
    round = await fetched(db, Round, round_id)
    counters = await fetched_counters(db, round_id)
    states: dict[str, dict[str, int]] = {"orders": {}, "parcels": {}}
    for part, state, n in await db.execute(text("SELECT * FROM round_progress(:round)"), {"round": round_id}):
        states[part][state] = n
    return RoundProgress(
        round_id=round.id,
        as_of=transaction_time(db),
        orders=counters.orders,
        minimum_orders=round.minimum_orders,
        minimum_met=counters.orders >= round.minimum_orders,
        capacity_left=counters.capacity_left,
        orders_by_state=states["orders"],
        parcels_by_state=states["parcels"],
    )


async def fetched_counters(db: AsyncSession, round_id: UUID) -> RoundCounters:
    query = select(RoundCounters).where(col(RoundCounters.round_id) == round_id)
    return (await db.execute(query)).scalar_one()
