"""Bags for lists, pick lists per entrance, labels."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders.catalogue.tables import CatalogItem
from services.orders.intake.tables import Order, OrderLine
from services.orders.parcels import schemas
from services.orders.parcels.tables import GateSlot, Parcel
from shared.pagination import Paging
from shared.paper import Label, ListColumn, label_sheet, table_pdf

EXPORT_MOST = 5_000
"""Labels or list rows in one printed file: more than any one round has."""


async def with_lines(db: AsyncSession, parcel: Parcel) -> schemas.ParcelPublic:
    """A parcel with what is (to be) in it."""
    query = (
        select(OrderLine, CatalogItem)
        .join(CatalogItem, col(CatalogItem.id) == col(OrderLine.item_id))
        .where(col(OrderLine.order_id) == parcel.order_id)
        .order_by(col(OrderLine.id))
    )
    lines = [
        schemas.ParcelLine(
            line_id=line.id,
            item_id=item.id,
            name=item.name,
            unit=item.unit,
            allocated=line.allocated or 0,
            picked=line.picked,
            handed_over=line.handed_over,
        )
        for line, item in (await db.execute(query)).all()
    ]
    return schemas.ParcelPublic(**summary(parcel).model_dump(), lines=lines)


def summary(parcel: Parcel) -> schemas.ParcelSummary:
    return schemas.ParcelSummary.model_validate(parcel.model_dump() | {"reason_code": parcel.reason})


async def slots_public(db: AsyncSession, slots: Sequence[GateSlot]) -> list[schemas.GateSlotPublic]:
    """Slots with the numbers of each that still wait at the gate."""
    query = select(col(Parcel.round_id), col(Parcel.gate_number)).where(
        col(Parcel.round_id).in_({slot.round_id for slot in slots}),
        col(Parcel.gate_number).in_({number for slot in slots for number in slot.numbers}),
        col(Parcel.state) == "at_gate",
    )
    waiting = {(row[0], row[1]) for row in (await db.execute(query)).all()}
    return [
        schemas.GateSlotPublic.model_validate(
            slot.model_dump() | {"waiting": [n for n in slot.numbers if (slot.round_id, n) in waiting]}
        )
        for slot in slots
    ]


_ENTRANCES = text(
    "SELECT area, count(*)::integer AS parcels, sum(weight_g)::bigint AS weight_g FROM parcels"
    " WHERE round_id = :round_id AND state NOT IN ('expected', 'returned') AND area > :after COLLATE \"C\""
    " GROUP BY area ORDER BY area LIMIT :most"
)
_ENTRANCE_LINES = text(
    "SELECT p.area, i.id, i.name, i.unit, i.storage, sum(l.allocated)::integer AS qty FROM parcels p"
    " JOIN order_lines l ON l.order_id = p.order_id JOIN catalog_items i ON i.id = l.item_id"
    " WHERE p.round_id = :round_id AND p.area = ANY(:areas) AND p.state NOT IN ('expected', 'returned')"
    " AND l.allocated > 0 GROUP BY p.area, i.id, i.name, i.unit, i.storage ORDER BY p.area, i.name, i.id"
)


async def pick_list(db: AsyncSession, round_id: UUID, after: str, most: int) -> list[schemas.PickListEntry]:
    """One entry per entrance of a round, by area path, at most ``most`` after ``after``."""
    heads = (await db.execute(_ENTRANCES, {"round_id": round_id, "after": after, "most": most})).all()
    rows = await db.execute(_ENTRANCE_LINES, {"round_id": round_id, "areas": [head.area for head in heads]})
    lines: dict[str, list[schemas.PickListLine]] = defaultdict(list)
    for row in rows:
        line = schemas.PickListLine(item_id=row.id, name=row.name, unit=row.unit, storage=row.storage, qty=row.qty)
        lines[row.area].append(line)
    return [
        schemas.PickListEntry(
            id=head.area, area=head.area, parcels=head.parcels, weight_g=head.weight_g, lines=lines[head.area]
        )
        for head in heads
    ]


async def pick_list_page(db: AsyncSession, round_id: UUID, paging: Paging) -> schemas.PickListPage:
    after = paging.after()
    entries = await pick_list(db, round_id, after[0] if after else "", paging.limit + 1)
    shown = entries[: paging.limit]
    more = len(entries) > paging.limit
    return schemas.PickListPage(items=shown, next_cursor=paging.cursor([shown[-1].area]) if more else None)


def pick_list_pdf(round_code: str, entries: Sequence[schemas.PickListEntry]) -> bytes:
    """The list a sorter works from: entrance, bags, items."""
    columns = [ListColumn("楼栋单元 Entrance", 2), ListColumn("袋 Bags", 1), ListColumn("商品 Items", 5)]
    rows = [
        (place_text(entry.area), str(entry.parcels), "; ".join(f"{x.name} {x.qty} {x.unit}" for x in entry.lines))
        for entry in entries
    ]
    return table_pdf(f"分拣单 Pick list {round_code}", columns, rows)


def labels_query(round_id: UUID) -> Any:
    """Bags of a round that get a label, with their order's code."""
    return select(Parcel).where(col(Parcel.round_id) == round_id, col(Parcel.state).not_in(("expected", "returned")))


async def labels_public(db: AsyncSession, parcels: Sequence[Parcel]) -> list[schemas.BagLabel]:
    query = select(col(Order.id), col(Order.code)).where(col(Order.id).in_({p.order_id for p in parcels}))
    codes = {row[0]: row[1] for row in (await db.execute(query)).all()}
    return [
        schemas.BagLabel(
            parcel_id=parcel.id,
            area=parcel.area,
            gate_number=parcel.gate_number,
            order_code=codes[parcel.order_id],
            bags=parcel.bags,
            qr=f"linli:parcel:{parcel.id}",
        )
        for parcel in parcels
    ]


def labels_pdf(round_code: str, labels: Sequence[schemas.BagLabel]) -> bytes:
    """A sheet of labels: gate number, building and entrance, code, QR; never a name or flat."""
    return label_sheet(
        [
            Label(
                gate_number=str(label.gate_number or "–"),
                building=_part(label.area, "b", "栋"),
                entrance=_part(label.area, "e", "单元"),
                round_code=f"{round_code} {label.order_code}",
                qr=label.qr,
            )
            for label in labels
        ]
    )


def place_text(area: str) -> str:
    """``3栋2单元`` from an area path."""
    return _part(area, "b", "栋") + _part(area, "e", "单元") or area


def _part(area: str, letter: str, word: str) -> str:
    found = [key[1:] for key in area.split(".") if key[:1] == letter and key[1:].isdecimal()]
    return f"{found[0]}{word}" if found else ""
