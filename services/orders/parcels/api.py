"""Parcels, waves, pick lists, labels, calls at the gate."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy import select
from sqlmodel import col

from services.orders.parcels import queries, schemas, use_cases
from services.orders.parcels.tables import GateSlot, Parcel, Wave
from services.orders.rounds.tables import Round
from shared.answers import Answers
from shared.areas import AreaPath, within
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, Transition

parcels = APIRouter(prefix="/v1/parcels", tags=["parcels"])
waves = APIRouter(prefix="/v1/waves", tags=["waves"])
pick_lists = APIRouter(prefix="/v1/pick-lists", tags=["pick_lists"])
bag_labels = APIRouter(prefix="/v1/bag-labels", tags=["bag_labels"])
gate_slots = APIRouter(prefix="/v1/gate-slots", tags=["gate_slots"])
routers = (parcels, waves, pick_lists, bag_labels, gate_slots)

PDF: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}
}


def _pdf(content: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type="application/pdf", headers=headers)


@parcels.get("", operation_id="parcels_list")
async def list_parcels(
    db: Db,
    who: Caller,
    paging: PagingParams,
    round_id: UUID | None = None,
    order_id: UUID | None = None,
    household_id: Annotated[list[UUID] | None, Query()] = None,
    state: Annotated[list[schemas.ParcelState] | None, Query()] = None,
    area: AreaPath | None = None,
) -> schemas.ParcelPage:
    """Bags of one's own household, or within one's area."""
    query = select(Parcel)
    if round_id is not None:
        query = query.where(col(Parcel.round_id) == round_id)
    if order_id is not None:
        query = query.where(col(Parcel.order_id) == order_id)
    if household_id:
        query = query.where(col(Parcel.household_id).in_(household_id))
    if state:
        query = query.where(col(Parcel.state).in_(state))
    if area is not None:
        query = query.where(within(col(Parcel.area), [area]))
    rows, cursor = await paginate(db, query, [Parcel.id], paging)
    return schemas.ParcelPage(items=[queries.summary(row) for row in rows], next_cursor=cursor)


@parcels.get("/{parcel_id}", operation_id="parcels_get")
async def get_parcel(parcel_id: UUID, answer: Answers, db: Db) -> schemas.ParcelPublic:
    """One household's bags with what is in them."""
    return await queries.with_lines(db, answer.one(await fetched(db, Parcel, parcel_id)))


@parcels.post("/{parcel_id}/pack", operation_id="parcels_pack")
async def pack(
    parcel_id: UUID, body: schemas.ParcelPack, once: OnceKey, answer: Answers, db: Db
) -> schemas.ParcelPublic:
    """Fill the bags; picking less than allocated refunds the difference."""
    return await queries.with_lines(db, answer.one(await once(use_cases.pack, parcel_id, body)))


@parcels.post("/{parcel_id}/stage", operation_id="parcels_stage")
async def stage(parcel_id: UUID, body: Transition, once: OnceKey, answer: Answers, db: Db) -> schemas.ParcelPublic:
    """Put the bag at the gate under the next number."""
    return await queries.with_lines(db, answer.one(await once(use_cases.stage, parcel_id)))


@parcels.post("/{parcel_id}/hand-over", operation_id="parcels_hand_over")
async def hand_over(parcel_id: UUID, body: Transition, once: OnceKey, answer: Answers, db: Db) -> schemas.ParcelPublic:
    """The household has its bag."""
    return await queries.with_lines(db, answer.one(await once(use_cases.hand_over, parcel_id)))


@parcels.post("/{parcel_id}/send-back", operation_id="parcels_send_back")
async def send_back(
    parcel_id: UUID, body: schemas.ParcelSendBack, once: OnceKey, answer: Answers, db: Db
) -> schemas.ParcelPublic:
    """The bag goes back, with a reason; the household is refunded."""
    return await queries.with_lines(db, answer.one(await once(use_cases.send_back, parcel_id, body.reason_code)))


@waves.get("", operation_id="waves_list")
async def list_waves(
    db: Db, who: Caller, paging: PagingParams, purchase_id: UUID | None = None, area: AreaPath | None = None
) -> schemas.WavePage:
    """Door parcels by compound and receipt."""
    query = select(Wave)
    if purchase_id is not None:
        query = query.where(col(Wave.purchase_id) == purchase_id)
    if area is not None:
        query = query.where(within(col(Wave.area), [area]))
    rows, cursor = await paginate(db, query, [Wave.id], paging)
    return schemas.WavePage(items=[schemas.WavePublic.model_validate(row) for row in rows], next_cursor=cursor)


@waves.get("/{wave_id}", operation_id="waves_get")
async def get_wave(wave_id: UUID, answer: Answers, db: Db) -> schemas.WavePublic:
    """One wave."""
    return schemas.WavePublic.model_validate(answer.one(await fetched(db, Wave, wave_id)))


@pick_lists.get("", operation_id="pick_lists_list")
async def list_pick_lists(db: Db, who: Caller, paging: PagingParams, round_id: UUID) -> schemas.PickListPage:
    """What each entrance of a round gets, by area path."""
    round_ = await fetched(db, Round, round_id)
    who.must("pick_lists.read", on=round_.area)
    return await queries.pick_list_page(db, round_id, paging)


@pick_lists.get("/export", operation_id="pick_lists_export", responses=PDF, response_class=Response)
async def export_pick_list(db: Db, who: Caller, round_id: UUID) -> Response:
    """The same as a PDF for the sorters."""
    round_ = await fetched(db, Round, round_id)
    who.must("pick_lists.read", on=round_.area)
    entries = await queries.pick_list(db, round_id, "", queries.EXPORT_MOST)
    return _pdf(queries.pick_list_pdf(round_.code, entries), f"pick-list-{round_.code}.pdf")


@bag_labels.get("", operation_id="bag_labels_list")
async def list_bag_labels(db: Db, who: Caller, paging: PagingParams, round_id: UUID) -> schemas.BagLabelPage:
    """What is printed on the bags of a round."""
    round_ = await fetched(db, Round, round_id)
    who.must("bag_labels.read", on=round_.area)
    rows, cursor = await paginate(db, queries.labels_query(round_id), [col(Parcel.area), Parcel.id], paging)
    return schemas.BagLabelPage(items=await queries.labels_public(db, rows), next_cursor=cursor)


@bag_labels.get("/export", operation_id="bag_labels_export", responses=PDF, response_class=Response)
async def export_bag_labels(db: Db, who: Caller, round_id: UUID) -> Response:
    """The labels of a round as a printable PDF, by building and entrance."""
    round_ = await fetched(db, Round, round_id)
    who.must("bag_labels.read", on=round_.area)
    query = queries.labels_query(round_id).order_by(col(Parcel.area), col(Parcel.id)).limit(queries.EXPORT_MOST)
    labels = await queries.labels_public(db, list((await db.execute(query)).scalars()))
    return _pdf(queries.labels_pdf(round_.code, labels), f"labels-{round_.code}.pdf")


@gate_slots.get("", operation_id="gate_slots_list")
async def list_gate_slots(db: Db, who: Caller, paging: PagingParams, round_id: UUID) -> schemas.GateSlotPage:
    """The calls of a round, newest first."""
    query = select(GateSlot).where(col(GateSlot.round_id) == round_id)
    rows, cursor = await paginate(db, query, [GateSlot.id], paging, descending=True)
    return schemas.GateSlotPage(items=await queries.slots_public(db, rows), next_cursor=cursor)


@gate_slots.post("", operation_id="gate_slots_create", status_code=201)
async def create_gate_slot(body: schemas.GateSlotCreate, once: OnceKey, db: Db) -> schemas.GateSlotPublic:
    """Call the next numbers of a round, five at a time unless said otherwise."""
    return (await queries.slots_public(db, [await once(use_cases.call_next, body)]))[0]


@gate_slots.post("/{gate_slot_id}/call", operation_id="gate_slots_call")
async def call_again(gate_slot_id: UUID, body: Transition, once: OnceKey, db: Db) -> schemas.GateSlotPublic:
    """Call those once more who have not come."""
    return (await queries.slots_public(db, [await once(use_cases.call_again, gate_slot_id)]))[0]


@gate_slots.post("/{gate_slot_id}/requeue", operation_id="gate_slots_requeue")
async def requeue(gate_slot_id: UUID, body: Transition, once: OnceKey, db: Db) -> schemas.GateSlotPublic:
    """Put those who have not come at the end of the queue."""
    return (await queries.slots_public(db, [await once(use_cases.requeue, gate_slot_id)]))[0]
