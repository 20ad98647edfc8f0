"""What the rule needs to know, read for thousands of lines at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.allocation.domain import Claim, Weights

Reason = Literal["confirmed_short", "received_short"]


@dataclass(frozen=True)
class Scope:
    """One run: what the store confirmed of a purchase, or what a truck brought of it to ``area``."""

    purchase_id: UUID
    reason: Reason
    area: str

    @property
    def of_receipt(self) -> bool:
        return self.reason == "received_short"

    def parameters(self) -> dict[str, Any]:
        return {"purchase_id": self.purchase_id, "area": self.area}


@dataclass(frozen=True)
class Supply:
    """Units of an item that the scope's lines want, and that there are."""

    item_id: UUID
    wanted: int
    supply: int

    @property
    def is_short(self) -> bool:
        return self.supply < self.wanted


@dataclass(frozen=True)
class ShortLine:
    """A line of a short item, with what its household chose to happen.

    ``claim.household_id``: the household as it is now; ``ordered_for``: as the order names it, before it was merged.
    ``area``: its building or entrance.
    """

    claim: Claim
    order_id: UUID
    round_id: UUID
    ordered_for: UUID
    area: str
    item_id: UUID
    unit_price_fen: int
    substitution: str
    swap_item_id: UUID | None


IN_SCOPE = (
    "o.purchase_id = :purchase_id AND o.state = 'locked'"
    " AND (o.community_area = :area OR starts_with(o.community_area, :area || '.'))"
)
_CONFIRMED = text(
    "SELECT l.item_id, sum(l.requested) AS wanted, coalesce(min(i.confirmed), 0) AS supply"  # noqa: S608
    " FROM orders o JOIN order_lines l ON l.order_id = o.id AND l.substitute_for IS NULL"
    " LEFT JOIN purchase_items i ON i.purchase_id = :purchase_id AND i.item_id = l.item_id"
    f" WHERE {IN_SCOPE} GROUP BY l.item_id ORDER BY l.item_id"
)
_RECEIVED = text(
    "WITH came AS (SELECT r.item_id, sum(r.received - r.damaged) AS good FROM goods_receipts g"  # noqa: S608
    " JOIN goods_receipt_lines r ON r.receipt_id = g.id"
    " WHERE g.purchase_id = :purchase_id AND g.area = :area AND g.state = 'completed' GROUP BY r.item_id)"
    " SELECT l.item_id, sum(l.allocated) AS wanted, coalesce(min(came.good), 0) AS supply"
    " FROM orders o JOIN order_lines l ON l.order_id = o.id LEFT JOIN came ON came.item_id = l.item_id"
    f" WHERE {IN_SCOPE} AND l.allocated > 0 GROUP BY l.item_id ORDER BY l.item_id"
)


async def supplies(db: AsyncSession, scope: Scope) -> list[Supply]:
    """Every item that the scope's lines want, by id."""
    rows = await db.execute(_RECEIVED if scope.of_receipt else _CONFIRMED, scope.parameters())
    return [Supply(row.item_id, int(row.wanted), int(row.supply)) for row in rows]


# A household that was merged into another counts as that one, also for what it missed before. What it missed in the
# purchase itself does not count: both runs of a purchase start from what was known before it.
_SHORT_LINES = f"""
WITH sealed AS MATERIALIZED (
  SELECT area FROM place_copies WHERE payload->>'state' = 'lockdown_control'
    AND kind IN ('compound', 'building', 'entrance') AND (area = :area OR starts_with(area, :area || '.'))),
lines AS MATERIALIZED (
  SELECT l.id, l.order_id, o.round_id, o.household_id, coalesce(h.merged_into, o.household_id) AS survivor, o.area,
    l.item_id, CASE WHEN :of_receipt THEN l.allocated ELSE l.requested END AS wanted, l.unit_price_fen, l.substitution,
    l.swap_item_id
  FROM orders o JOIN order_lines l ON l.order_id = o.id LEFT JOIN household_copies h ON h.key = o.household_id
  WHERE {IN_SCOPE} AND l.item_id = ANY(:items)
    AND CASE WHEN :of_receipt THEN l.allocated > 0 ELSE l.substitute_for IS NULL END),
known AS (
  SELECT survivor AS id, survivor FROM lines
  UNION SELECT h.key, h.merged_into FROM household_copies h WHERE h.merged_into IN (SELECT survivor FROM lines)),
missed AS MATERIALIZED (
  SELECT known.survivor, coalesce(sum(d.short) FILTER (WHERE d.decided_at >= :since), 0) AS deficit,
    (array_agg(d.short ORDER BY d.decided_at DESC))[1] > 0 AS cut_last
  FROM known JOIN deficits d ON d.household_id = known.id AND d.purchase_id <> :purchase_id GROUP BY known.survivor)
SELECT lines.*, coalesce((h.payload->>'priority_class')::integer, 0) AS priority_class,
  EXISTS (SELECT 1 FROM sealed s WHERE lines.area = s.area OR starts_with(lines.area, s.area || '.')) AS sealed,
  coalesce(missed.deficit, 0) AS deficit, coalesce(missed.cut_last, false) AS cut_last
FROM lines LEFT JOIN household_copies h ON h.key = lines.survivor LEFT JOIN missed ON missed.survivor = lines.survivor
ORDER BY lines.id
"""  # noqa: S608


async def short_lines(
    db: AsyncSession, scope: Scope, items: Sequence[UUID], weights: Weights, now: datetime
) -> list[ShortLine]:
    """The scope's lines of the short items, with weight and deficit of their households."""
    parameters = scope.parameters() | {
        "of_receipt": scope.of_receipt,
        "items": list(items),
        "since": now - timedelta(days=weights.deficit_days),
    }
    rows = await db.execute(text(_SHORT_LINES), parameters)
    return [_short_line(row, weights) for row in rows]


def _short_line(row: Any, weights: Weights) -> ShortLine:
    weight = weights.weigh(row.priority_class, row.sealed)
    return ShortLine(
        claim=Claim(row.id, row.survivor, row.wanted, weight, int(row.deficit), row.cut_last),
        order_id=row.order_id,
        round_id=row.round_id,
        ordered_for=row.household_id,
        area=row.area,
        item_id=row.item_id,
        unit_price_fen=row.unit_price_fen,
        substitution=row.substitution,
        swap_item_id=row.swap_item_id,
    )
