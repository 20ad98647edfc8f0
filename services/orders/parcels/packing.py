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

_LOCK_LOTS = text(
    "SELECT id FROM lots WHERE purchase_id = :purchase_id AND item_id = ANY(:items) ORDER BY id FOR UPDATE"
)
_STOCK = text(
    "SELECT l.id, l.item_id, (sum(rl.received - rl.damaged) - coalesce((SELECT sum(pl.qty) FROM parcel_lots pl"
    " JOIN parcels p ON p.id = pl.parcel_id WHERE pl.lot_id = l.id AND p.community_area = :area), 0))::integer AS left"
    " FROM lots l JOIN goods_receipt_lines rl ON rl.lot_id = l.id JOIN goods_receipts r ON r.id = rl.receipt_id"
    " WHERE l.purchase_id = :purchase_id AND l.item_id = ANY(:items) AND r.state = 'completed'"
    " AND (r.area = :area OR starts_with(:area, r.area || '.') OR starts_with(r.area, :area || '.'))"
    " AND l.recalled_at IS NULL GROUP BY l.id, l.item_id, l.lot_no ORDER BY l.item_id, l.lot_no"
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
        qty, named = wanted[line.id]
        try:
            lots = named if named is not None else domain.take_from_lots(stock, line.item_id, qty)
        except domain.NotEnough as error:
            raise Conflict(
                ("到货批次数量不足, 请少拣并如实填写。", "The lots hold less than that; enter what was really picked."),
                code="out_of_stock",
            ) from error
        picked[line.id] = Picked(qty, tuple(lots))
    rows = [
        {"parcel_id": parcel.id, "line_id": line_id, "lot_id": lot_id, "qty": qty}
        for line_id, part in picked.items()
        for lot_id, qty in part.lots
    ]
    await insert_rows(db, ParcelLot, rows)
    return picked


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
    """What the lots at this community's gate still hold, under lock so that two packers do not take the same."""
    names = {"purchase_id": parcel.purchase_id, "items": list(items)}
    await db.execute(_LOCK_LOTS, names)
    rows = (await db.execute(_STOCK, names | {"area": parcel.community_area})).all()
    return [domain.LotStock(row.id, row.item_id, row.left) for row in rows]
