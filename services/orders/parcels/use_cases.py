"""Pack, stage, call, hand over, send back: one function per verb."""

from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders.intake.tables import OrderLine
from services.orders.money.ledger import Reduction, reduce_charges
from services.orders.money.settlement import complete_if_settled
from services.orders.parcels import domain, schemas
from services.orders.parcels.completion import complete_orders
from services.orders.parcels.messages import parcel_event, slot_event, wave_event
from services.orders.parcels.packing import Picked, fill_bag
from services.orders.parcels.tables import GateSlot, Parcel, Wave
from services.orders.rounds.tables import Round
from shared.auth import Principal
from shared.bus.outbox import record, record_many
from shared.contracts import orders as contracts
from shared.database import fetched, locked, transaction_time
from shared.ids import new_id
from shared.problems import Conflict


async def _at(db: AsyncSession, who: Principal, parcel_id: UUID, verb: str) -> Parcel:
    parcel = await locked(db, Parcel, parcel_id)
    who.must(f"parcels.{verb}", on=parcel.area)
    return parcel


def _happened(db: AsyncSession, parcel: Parcel, event: str) -> None:
    parcel.version += 1
    record(db, contracts.PARCEL, event, parcel_event(parcel))


async def _lines(db: AsyncSession, parcel: Parcel) -> list[OrderLine]:
    query = (
        select(OrderLine)
        .where(col(OrderLine.order_id) == parcel.order_id)
        .order_by(col(OrderLine.id))
        .with_for_update()
    )
    return list((await db.execute(query)).scalars())


async def pack(db: AsyncSession, who: Principal, parcel_id: UUID, body: schemas.ParcelPack) -> Parcel:
    """Fills the household's bags; what was picked less than allocated is refunded, the store being liable."""
    parcel = await _at(db, who, parcel_id, "pack")
    if (state := domain.PARCEL.step(parcel.state, "pack")) == parcel.state:
        return parcel
    lines = await _lines(db, parcel)
    picked = await fill_bag(db, parcel, lines, body)
    await _refund_unpicked(db, lines, picked, who.id)
    parcel.state, parcel.bags, parcel.packed_at, parcel.packed_by = state, body.bags, transaction_time(db), who.id
    _happened(db, parcel, "parcel.packed")
    await _ready_wave(db, parcel)
    return parcel


async def _refund_unpicked(db: AsyncSession, lines: list[OrderLine], picked: dict[UUID, Picked], by: UUID) -> None:
    reductions = []
    for line in lines:
        missing = (line.allocated or 0) - picked[line.id].qty
        line.picked = picked[line.id].qty
        if missing:
            line.refunded += missing
            line.charged_fen -= missing * line.unit_price_fen
            amount = missing * line.unit_price_fen
            reductions.append(Reduction(line.order_id, amount, "store", "picked_short", line.id))
    await db.flush()
    await reduce_charges(db, [r for r in reductions if r.amount_fen], by)


async def _ready_wave(db: AsyncSession, parcel: Parcel) -> None:
    if parcel.wave_id is None:
        return
    wave = await locked(db, Wave, parcel.wave_id)
    await db.flush()
    waiting = select(func.count()).where(col(Parcel.wave_id) == wave.id, col(Parcel.state) == "received")
    if not (await db.execute(waiting)).scalar_one():
        wave.state, wave.ready_at, wave.version = "ready", transaction_time(db), wave.version + 1
        record(db, contracts.WAVE, "wave.ready", wave_event(wave))


async def stage(db: AsyncSession, who: Principal, parcel_id: UUID) -> Parcel:
    """Puts the bag at the gate under the next number of its round."""
    parcel = await _at(db, who, parcel_id, "stage")
    if (state := domain.PARCEL.step(parcel.state, "stage")) == parcel.state:
        return parcel
    # One number at a time per round: the highest is only known once nobody else is giving one out.
    await db.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:round, 20))"), {"round": str(parcel.round_id)}
    )
    highest = select(func.coalesce(func.max(col(Parcel.gate_number)), 0)).where(col(Parcel.round_id) == parcel.round_id)
    parcel.gate_number = int((await db.execute(highest)).scalar_one() or 0) + 1
    parcel.state, parcel.staged_at = state, transaction_time(db)
    _happened(db, parcel, "parcel.staged")
    return parcel


async def hand_over(db: AsyncSession, who: Principal, parcel_id: UUID) -> Parcel:
    """The household has its bag. Raises Conflict for a bag that holds a recalled lot."""
    parcel = await _at(db, who, parcel_id, "hand_over")
    if (state := domain.PARCEL.step(parcel.state, "hand_over")) == parcel.state:
        return parcel
    if parcel.recalled:
        raise Conflict(
            ("袋内有被召回批次的商品, 不能交付, 请退回。", "The bag holds a recalled lot; send it back instead."),
            code="transition_not_allowed",
            state=parcel.state,
            allowed_actions=["send_back"],
        )
    now = transaction_time(db)
    for line in await _lines(db, parcel):
        line.handed_over = line.picked
    parcel.state, parcel.collected_at, parcel.handed_over_by = state, now, who.id
    _happened(db, parcel, "parcel.collected")
    await db.flush()
    await complete_orders(db, [parcel.order_id], now)
    await complete_if_settled(db, parcel.purchase_id, now)
    return parcel


async def send_back(db: AsyncSession, who: Principal, parcel_id: UUID, reason_code: str) -> Parcel:
    """The bag was not handed over and goes back; the household gets its money back from whoever is liable."""
    parcel = await _at(db, who, parcel_id, "send_back")
    if (state := domain.PARCEL.step(parcel.state, "send_back")) == parcel.state:
        return parcel
    reductions = []
    for line in await _lines(db, parcel):
        back = line.picked or 0
        line.handed_over, line.refunded = 0, line.refunded + back
        line.charged_fen -= back * line.unit_price_fen
        amount = back * line.unit_price_fen
        reductions.append(Reduction(line.order_id, amount, domain.LIABLE[reason_code], reason_code, line.id))
    parcel.state, parcel.reason = state, reason_code
    _happened(db, parcel, "parcel.returned")
    await db.flush()
    await reduce_charges(db, [r for r in reductions if r.amount_fen], who.id)
    await complete_orders(db, [parcel.order_id], transaction_time(db))
    await complete_if_settled(db, parcel.purchase_id, transaction_time(db))
    return parcel


async def call_next(db: AsyncSession, who: Principal, body: schemas.GateSlotCreate) -> GateSlot:
    """Calls the next numbers of a round: those never called first, then those that were put back."""
    if body.id is not None and (existing := await db.get(GateSlot, body.id)) is not None:
        return existing
    round_ = await fetched(db, Round, body.round_id)
    who.must("gate_slots.create", on=round_.area)
    query = (
        select(Parcel)
        .where(col(Parcel.round_id) == round_.id, col(Parcel.state) == "at_gate", col(Parcel.called_at).is_(None))
        .order_by(col(Parcel.calls), col(Parcel.gate_number))
        .limit(body.size)
        .with_for_update(skip_locked=True)
    )
    parcels = list((await db.execute(query)).scalars())
    if not parcels:
        raise Conflict(
            ("目前没有等待叫号的袋子。", "No number waits to be called; put bags at the gate first."),
            code="limit_reached",
        )
    slot = GateSlot(
        id=body.id or new_id(),
        version=1,
        area=round_.area,
        round_id=round_.id,
        numbers=[parcel.gate_number for parcel in parcels if parcel.gate_number],
        called_by=who.id,
        called_at=transaction_time(db),
    )
    db.add(slot)
    await _called(db, parcels)
    record(db, contracts.RECORD, "gate_slot.created", slot_event(slot))
    return slot


async def _called(db: AsyncSession, parcels: list[Parcel]) -> None:
    for parcel in parcels:
        parcel.called_at, parcel.calls, parcel.version = transaction_time(db), parcel.calls + 1, parcel.version + 1
    await db.flush()
    await record_many(db, contracts.PARCEL, "parcel.called", [parcel_event(parcel) for parcel in parcels])


async def _waiting(db: AsyncSession, slot: GateSlot) -> list[Parcel]:
    query = (
        select(Parcel)
        .where(
            col(Parcel.round_id) == slot.round_id,
            col(Parcel.gate_number).in_(slot.numbers),
            col(Parcel.state) == "at_gate",
        )
        .order_by(col(Parcel.id))
        .with_for_update()
    )
    return list((await db.execute(query)).scalars())


async def call_again(db: AsyncSession, who: Principal, slot_id: UUID) -> GateSlot:
    """Calls those of the slot once more who have not come."""
    slot = await locked(db, GateSlot, slot_id)
    who.must("gate_slots.call", on=slot.area)
    await _called(db, await _waiting(db, slot))
    return slot


async def requeue(db: AsyncSession, who: Principal, slot_id: UUID) -> GateSlot:
    """Puts those who have not come at the end of the queue."""
    slot = await locked(db, GateSlot, slot_id)
    who.must("gate_slots.requeue", on=slot.area)
    for parcel in await _waiting(db, slot):
        if parcel.called_at is not None:
            parcel.called_at = None
            _happened(db, parcel, "parcel.requeued")
    return slot
