"""Writes what becomes of missing units: swap lines, refunds, calls; in the caller's transaction, set by set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.allocation.queries import Scope
from services.orders.allocation.substitution import Missing, Settlement, Spare, Used, settle
from services.orders.intake.tables import OrderLine
from services.orders.money.ledger import Reduction, reduce_charges
from services.orders.purchasing.messages import purchase_event
from services.orders.purchasing.queries import items_of
from services.orders.purchasing.tables import Purchase
from shared.bus.outbox import record
from shared.contracts import orders as contracts
from shared.database import insert_rows, locked
from shared.ids import new_id

_SPARES = text(
    'SELECT item_id, price_fen, ration, CASE WHEN confirmed >= initial - "left" THEN "left" ELSE 0 END AS units'
    " FROM purchase_items WHERE purchase_id = :purchase_id AND item_id = ANY(:items) ORDER BY item_id FOR UPDATE"
)
_SELL = text(
    'UPDATE purchase_items i SET "left" = i."left" - n.units,'
    ' confirmed = greatest(i.confirmed, i.initial - i."left" + n.units)'
    " FROM (SELECT item_id, sum(units)::integer AS units FROM unnest(CAST(:items AS uuid[]), CAST(:units AS integer[]))"
    " AS t(item_id, units) GROUP BY item_id) n WHERE i.purchase_id = :purchase_id AND i.item_id = n.item_id"
)
_USED = text(
    "SELECT round_id, household_id, item_id, used FROM quota_uses"
    " WHERE round_id = ANY(:rounds) AND household_id = ANY(:households) AND item_id = ANY(:items)"
)
_SETTLE_LINES = text(
    "UPDATE order_lines l SET refunded = l.refunded + n.refunded, charged_fen = l.charged_fen - n.taken"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:refunded AS integer[]), CAST(:taken AS bigint[]))"
    " AS n(id, refunded, taken) WHERE l.id = n.id"
)
_USE_QUOTA = text(
    "INSERT INTO quota_uses (round_id, household_id, item_id, used, ceiling)"
    " SELECT round_id, household_id, item_id, sum(used), max(ceiling) FROM unnest(CAST(:rounds AS uuid[]),"
    " CAST(:households AS uuid[]), CAST(:items AS uuid[]), CAST(:used AS integer[]), CAST(:ceilings AS integer[]))"
    " AS t(round_id, household_id, item_id, used, ceiling) GROUP BY round_id, household_id, item_id"
    " ORDER BY round_id, household_id, item_id"
    " ON CONFLICT (round_id, household_id, item_id) DO UPDATE SET used = quota_uses.used + excluded.used"
)


@dataclass(frozen=True)
class Settled:
    """What was decided, and the lines that swaps made."""

    settlements: list[Settlement]
    swap_lines: list[OrderLine]


async def spares(db: AsyncSession, purchase_id: UUID, items: Sequence[UUID]) -> list[Spare]:
    """What nobody has bought of items that the store confirmed in full, locked; of one that is short itself, none."""
    rows = await db.execute(_SPARES, {"purchase_id": purchase_id, "items": sorted(set(items))})
    return [Spare(row.item_id, row.units, row.price_fen, row.ration) for row in rows]


async def rations_used(db: AsyncSession, missing: Sequence[Missing], items: Sequence[UUID]) -> Used:
    parameters = {
        "rounds": list({m.round_id for m in missing}),
        "households": list({m.ordered_for for m in missing}),
        "items": list(items),
    }
    rows = await db.execute(_USED, parameters)
    return {(row.round_id, row.household_id, row.item_id): row.used for row in rows}


async def settle_missing(
    db: AsyncSession, scope: Scope, missing: Sequence[Missing], seed: int, by: UUID | None = None
) -> Settled:
    """Obeys what the households chose: swaps and refunds are written, money included; calls are only named.

    A swap is sold from the stock that the store said it can deliver, and the store is told (``purchase.amended``). Once
    the truck has come nothing can be swapped any more: what a receipt lacks is refunded.
    """
    wanted = [m.swap_item_id for m in missing if m.substitution == "swap" and m.swap_item_id and not scope.of_receipt]
    left = await spares(db, scope.purchase_id, wanted) if wanted else []
    rationed = [spare.item_id for spare in left if spare.ration is not None]
    used = await rations_used(db, missing, rationed) if rationed else {}
    settlements = settle(missing, left, used, seed)
    lines = [_swap_line(scope, s) for s in settlements if s.swapped]
    await insert_rows(db, OrderLine, [line.model_dump() for line in lines])
    await _sell(db, scope.purchase_id, [s for s in settlements if s.swapped], {spare.item_id: spare for spare in left})
    await _take_back(db, settlements)
    reductions = [_reduction(scope, s) for s in settlements if s.reduction_fen]
    await reduce_charges(db, reductions, by)
    return Settled(settlements, lines)


def _swap_line(scope: Scope, s: Settlement) -> OrderLine:
    assert s.missing.swap_item_id is not None
    return OrderLine(
        id=new_id(),
        order_id=s.missing.order_id,
        purchase_id=scope.purchase_id,
        item_id=s.missing.swap_item_id,
        requested=s.swapped,
        confirmed=s.swapped,
        allocated=s.swapped,
        charged_fen=s.swapped * s.swap_price_fen,
        unit_price_fen=s.swap_price_fen,
        substitution="refund",
        substitute_for=s.missing.claim.line_id,
    )


async def _sell(db: AsyncSession, purchase_id: UUID, swaps: Sequence[Settlement], left: Mapping[UUID, Spare]) -> None:
    """Takes the swapped units from stock and from the rations of their households; the store is told what to add."""
    if not swaps:
        return
    items = [s.missing.swap_item_id for s in swaps if s.missing.swap_item_id]
    await db.execute(_SELL, {"items": items, "units": [s.swapped for s in swaps], "purchase_id": purchase_id})
    rationed = [(s, left[id]) for s, id in zip(swaps, items, strict=True) if left[id].ration is not None]
    quota = {
        "rounds": [s.missing.round_id for s, _ in rationed],
        "households": [s.missing.ordered_for for s, _ in rationed],
        "items": [spare.item_id for _, spare in rationed],
        "used": [s.swapped for s, _ in rationed],
        "ceilings": [spare.ration for _, spare in rationed],
    }
    await db.execute(_USE_QUOTA, quota)
    purchase = await locked(db, Purchase, purchase_id)
    purchase.version += 1
    record(db, contracts.PURCHASE, "purchase.amended", purchase_event(purchase, await items_of(db, purchase_id)))


async def _take_back(db: AsyncSession, settlements: Sequence[Settlement]) -> None:
    settled = [s for s in settlements if s.swapped or s.refunded]
    if settled:
        lines = {
            "ids": [s.missing.claim.line_id for s in settled],
            "refunded": [s.refunded for s in settled],
            "taken": [(s.swapped + s.refunded) * s.missing.unit_price_fen for s in settled],
        }
        await db.execute(_SETTLE_LINES, lines)


def _reduction(scope: Scope, s: Settlement) -> Reduction:
    return Reduction(s.missing.order_id, s.reduction_fen, "store", scope.reason, s.missing.claim.line_id)
