"""Writes what becomes of missing units: swap lines, refunds, calls; in the caller's transaction, set by set."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.allocation.queries import IN_SCOPE, Scope
from services.orders.allocation.substitution import Missing, Settlement, Spare, Used, settle
from services.orders.intake.tables import OrderLine
from services.orders.money.ledger import Reduction, reduce_charges
from shared.database import insert_rows
from shared.ids import new_id

_SPARES = text(
    "WITH promised AS (SELECT l.item_id, sum(l.allocated) AS units FROM orders o"  # noqa: S608
    f" JOIN order_lines l ON l.order_id = o.id WHERE {IN_SCOPE} AND l.allocated > 0 GROUP BY l.item_id),"
    " came AS (SELECT r.item_id, sum(r.received - r.damaged) AS good FROM goods_receipts g"
    " JOIN goods_receipt_lines r ON r.receipt_id = g.id"
    " WHERE g.purchase_id = :purchase_id AND g.area = :area AND g.state = 'completed' GROUP BY r.item_id)"
    " SELECT i.item_id, i.price_fen, i.ration,"
    " CASE WHEN :of_receipt THEN came.good ELSE i.confirmed END - coalesce(promised.units, 0) AS units"
    " FROM purchase_items i LEFT JOIN promised ON promised.item_id = i.item_id"
    " LEFT JOIN came ON came.item_id = i.item_id"
    " WHERE i.purchase_id = :purchase_id AND i.item_id = ANY(:items) ORDER BY i.item_id FOR UPDATE OF i"
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


async def spares(db: AsyncSession, scope: Scope, items: Sequence[UUID]) -> list[Spare]:
    """What is left of these items after everybody's share, locked: confirmed, or come with this truck."""
    parameters = scope.parameters() | {"of_receipt": scope.of_receipt, "items": sorted(set(items))}
    rows = await db.execute(_SPARES, parameters)
    return [Spare(row.item_id, int(row.units or 0), row.price_fen, row.ration) for row in rows]


async def rations_used(db: AsyncSession, missing: Sequence[Missing], items: Sequence[UUID]) -> Used:
    parameters = {
        "rounds": list({m.round_id for m in missing}),
        "households": list({m.claim.household_id for m in missing}),
        "items": list(items),
    }
    rows = await db.execute(_USED, parameters)
    return {(row.round_id, row.household_id, row.item_id): row.used for row in rows}


async def settle_missing(
    db: AsyncSession, scope: Scope, missing: Sequence[Missing], seed: int, by: UUID | None = None
) -> Settled:
    """Obeys what the households chose: swaps and refunds are written, money included; calls are only named."""
    wanted = [m.swap_item_id for m in missing if m.substitution == "swap" and m.swap_item_id]
    left = await spares(db, scope, wanted) if wanted else []
    rationed = [spare.item_id for spare in left if spare.ration is not None]
    used = await rations_used(db, missing, rationed) if rationed else {}
    settlements = settle(missing, left, used, seed)
    lines = [_swap_line(scope, s) for s in settlements if s.swapped]
    await insert_rows(db, OrderLine, [line.model_dump() for line in lines])
    await _use_rations(db, settlements, {spare.item_id: spare for spare in left})
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
        received=s.swapped if scope.of_receipt else None,
        charged_fen=s.swapped * s.swap_price_fen,
        unit_price_fen=s.swap_price_fen,
        substitution="refund",
        substitute_for=s.missing.claim.line_id,
    )


async def _use_rations(db: AsyncSession, settlements: Sequence[Settlement], left: dict[UUID, Spare]) -> None:
    """Counts swapped units of rationed items. Stock stays: what is left over was sold once already."""
    swaps = [(s, left[s.missing.swap_item_id]) for s in settlements if s.swapped and s.missing.swap_item_id]
    rationed = [(s, spare) for s, spare in swaps if spare.ration is not None]
    if not rationed:
        return
    quota = {
        "rounds": [s.missing.round_id for s, _ in rationed],
        "households": [s.missing.claim.household_id for s, _ in rationed],
        "items": [spare.item_id for _, spare in rationed],
        "used": [s.swapped for s, _ in rationed],
        "ceilings": [spare.ration for _, spare in rationed],
    }
    await db.execute(_USE_QUOTA, quota)


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
