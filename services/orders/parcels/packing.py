"""What goes into a bag, and from which lots, so that a recall finds every bag."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.intake.tables import OrderLine
from services.orders.parcels import domain, schemas
from services.orders.parcels.tables import Parcel, ParcelLot
from shared.database import insert_rows
from shared.problems import Conflict, FieldError, Invalid

_STOCK = text(
    "SELECT rl.receipt_id, rl.lot_id, rl.item_id, rl.received - rl.damaged - rl.packed AS left"
    " FROM goods_receipts r JOIN goods_receipt_lines rl ON rl.receipt_id = r.id JOIN lots l ON l.id = rl.lot_id"
    " WHERE r.purchase_id = :purchase_id AND r.state = 'completed' AND rl.item_id = ANY(:items)"
    " AND (r.area = :area OR starts_with(:area, r.area || '.')) AND l.recalled_at IS NULL"
    " ORDER BY rl.item_id, l.lot_no, rl.receipt_id FOR UPDATE OF rl FOR SHARE OF l"
)
_TAKE = text(
    "UPDATE goods_receipt_lines rl SET packed = packed + t.units FROM unnest(CAST(:receipts AS uuid[]),"
    " CAST(:items AS uuid[]), CAST(:lots AS uuid[]), CAST(:units AS integer[]))"
    " AS t(receipt_id, item_id, lot_id, units)"
    " WHERE rl.receipt_id = t.receipt_id AND rl.item_id = t.item_id AND rl.lot_id = t.lot_id"
)


@dataclass(frozen=True)
class Picked:
    """Units of a line that are in the bag, with their lots."""

    qty: int
    lots: tuple[tuple[UUID, int], ...]


async def fill_bag(
    db: AsyncSession, parcel: Parcel, lines: Sequence[OrderLine], body: schemas.ParcelPack
) -> dict[UUID, Picked]:
    """Decides per line what is picked and from which lots, and writes that down.

    Raises Invalid for a line that is not of this bag or more than allocated; Conflict when the lots do not hold it.
    """
    wanted = _wanted(lines, body)
    stock = await _stock(db, parcel, [line.item_id for line in lines])
    picked = {}
    for line in lines:
        try:
            lots = _take(stock, line, *wanted[line.id])
        except domain.NotEnough as error:
            raise Conflict(
                ("到货批次数量不足, 请少拣并如实填写。", "The lots hold less than that; enter what was really picked."),
                code="out_of_stock",
            ) from error
        picked[line.id] = Picked(wanted[line.id][0], tuple(lots))
    await _write_taken(db, stock)
    rows = [
        {"parcel_id": parcel.id, "line_id": line_id, "lot_id": lot_id, "qty": qty}
        for line_id, part in picked.items()
        for lot_id, qty in part.lots
    ]
    await insert_rows(db, ParcelLot, rows)
    return picked


def _take(
    stock: Sequence[domain.LotStock], line: OrderLine, qty: int, named: list[tuple[UUID, int]] | None
) -> list[tuple[UUID, int]]:
    if named is None:
        return domain.take_from_lots(stock, line.item_id, qty)
    return [part for lot_id, units in named for part in domain.take_from_lots(stock, line.item_id, units, lot_id)]


async def _write_taken(db: AsyncSession, stock: Sequence[domain.LotStock]) -> None:
    used = [lot for lot in stock if lot.taken]
    await db.execute(
        _TAKE,
        {
            "receipts": [lot.receipt_id for lot in used],
            "items": [lot.item_id for lot in used],
            "lots": [lot.lot_id for lot in used],
            "units": [lot.taken for lot in used],
        },
    )


def _wanted(
    lines: Sequence[OrderLine], body: schemas.ParcelPack
) -> dict[UUID, tuple[int, list[tuple[UUID, int]] | None]]:
    """Line → (units, lots named by the packer or None)."""
    wanted: dict[UUID, tuple[int, list[tuple[UUID, int]] | None]] = {
        line.id: (line.allocated or 0, None) for line in lines
    }
    errors = []
    for index, entered in enumerate(body.lines):
        most = wanted.get(entered.line_id, (0, None))[0]
        if entered.line_id not in wanted:
            errors.append(FieldError(f"/lines/{index}/line_id", "unknown", ("此袋没有这一行", "No line of this bag")))
        elif entered.picked > most:
            detail = (f"最多 {most}", f"At most {most} are allocated")
            errors.append(FieldError(f"/lines/{index}/picked", "too_large", detail, params={"max": most}))
        elif entered.lots is not None and sum(lot.qty for lot in entered.lots) != entered.picked:
            detail = ("批次数量之和须等于拣货数量", "The lots must add up to what was picked")
            errors.append(FieldError(f"/lines/{index}/lots", "does_not_add_up", detail))
        else:
            lots = None if entered.lots is None else [(lot.lot_id, lot.qty) for lot in entered.lots]
            wanted[entered.line_id] = (entered.picked, lots)
    if errors:
        raise Invalid(errors=errors)
    return wanted


async def _stock(db: AsyncSession, parcel: Parcel, items: Sequence[UUID]) -> list[domain.LotStock]:
    """What came to the bag's gate and is in no bag yet, under lock so that two packers do not take the same."""
    names = {"purchase_id": parcel.purchase_id, "items": list(items), "area": parcel.area}
    rows = (await db.execute(_STOCK, names)).all()
    return [domain.LotStock(row.receipt_id, row.lot_id, row.item_id, row.left) for row in rows]
