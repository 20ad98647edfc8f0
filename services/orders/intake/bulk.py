"""What happens to all orders of a round at once: locked when it closes, given up when it is cancelled.

Set-based: a few statements, however many orders. The caller holds the rounds' counters.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders import policy
from services.orders.intake.messages import order_events_of
from services.orders.money.ledger import Reduction, reduce_charges
from services.orders.rounds.tables import Round
from shared.bus.outbox import record_many
from shared.contracts import orders

_LOCK = text(
    "UPDATE orders SET state = 'locked', version = version + 1, locked_at = now()"
    " WHERE round_id = :round AND state IN ('placed', 'amended') RETURNING id"
)
_UNPAID = text(
    "SELECT o.id FROM orders o JOIN order_money m ON m.order_id = o.id"
    " WHERE o.round_id = :round AND o.state IN ('placed', 'amended') AND m.collected_fen < m.owed_fen ORDER BY o.id"
)
_OF_ROUNDS = text(
    "SELECT id FROM orders WHERE round_id = ANY(:rounds) AND state IN ('placed', 'amended', 'locked')"
    " ORDER BY id FOR UPDATE"
)
_CANCEL = text(
    "UPDATE orders SET state = 'cancelled', reason = :reason, version = version + 1, cancelled_at = now()"
    " WHERE id = ANY(:ids) AND state IN ('placed', 'amended', 'locked')"
)
_HOLD_STOCK = text(
    "SELECT i.item_id FROM purchase_items i WHERE (i.purchase_id, i.item_id) IN"
    " (SELECT purchase_id, item_id FROM order_lines WHERE order_id = ANY(:ids))"
    " ORDER BY i.purchase_id, i.item_id FOR UPDATE"
)
_GIVE_BACK = text(
    'UPDATE purchase_items i SET "left" = i."left" + s.qty FROM (SELECT purchase_id, item_id, sum(requested) AS qty'
    " FROM order_lines WHERE order_id = ANY(:ids) GROUP BY purchase_id, item_id) s"
    " WHERE i.purchase_id = s.purchase_id AND i.item_id = s.item_id"
)
_FREE_QUOTA = text(
    "UPDATE quota_uses q SET used = q.used - s.qty FROM (SELECT o.round_id, o.household_id, l.item_id,"
    " sum(l.requested) AS qty FROM orders o JOIN order_lines l ON l.order_id = o.id"
    " WHERE o.id = ANY(:ids) GROUP BY o.round_id, o.household_id, l.item_id) s"
    " WHERE q.round_id = s.round_id AND q.household_id = s.household_id AND q.item_id = s.item_id"
)
_UNCHARGE = text("UPDATE order_lines SET charged_fen = 0 WHERE order_id = ANY(:ids)")
_FREE_BUYS = text("DELETE FROM household_buys WHERE order_id = ANY(:ids)")
_FREE_PLACES = text(
    "UPDATE round_counters c SET orders = c.orders - s.n, capacity_left = c.capacity_left + s.n"
    " FROM (SELECT round_id, count(*) AS n FROM orders WHERE id = ANY(:ids) GROUP BY round_id) s"
    " WHERE c.round_id = s.round_id"
)
_OWED = text("SELECT order_id, owed_fen FROM order_money WHERE order_id = ANY(:ids) AND owed_fen > 0 ORDER BY order_id")


async def count_to_drop(db: AsyncSession, round: Round) -> int:
    """How many orders will be dropped at the lock because they are not paid; 0 unless policy says ``drop``."""
    return len(await _unpaid(db, round))


async def _unpaid(db: AsyncSession, round: Round) -> list[UUID]:
    if policy.of_pinned(round.policy).unpaid_at_lock != "drop":
        return []
    return list((await db.execute(_UNPAID, {"round": round.id})).scalars())


async def lock_orders(db: AsyncSession, round: Round) -> None:
    """No order of a closed round changes any more; where policy says so, unpaid ones are dropped first."""
    await cancel_orders(db, await _unpaid(db, round), "unpaid", "community")
    ids = list((await db.execute(_LOCK, {"round": round.id})).scalars())
    await record_many(db, orders.ORDER, "order.locked", await order_events_of(db, ids))


async def cancel_round_orders(db: AsyncSession, round_ids: Sequence[UUID], reason: str, liable: str) -> None:
    """Gives up all orders of these rounds that are not final."""
    ids = list((await db.execute(_OF_ROUNDS, {"rounds": sorted(round_ids)})).scalars())
    await cancel_orders(db, ids, reason, liable)


async def cancel_orders(
    db: AsyncSession, ids: Sequence[UUID], reason: str, liable: str, by: UUID | None = None
) -> None:
    """Cancels orders that are not final: stock, quota and place go back, the charge too; what was paid is owed back.

    The caller has chosen orders that may be cancelled and holds the counters of their rounds.
    """
    if not ids:
        return
    which = {"ids": list(ids)}
    await db.execute(_CANCEL, which | {"reason": reason})
    await db.execute(_HOLD_STOCK, which)
    for statement in (_GIVE_BACK, _FREE_QUOTA, _UNCHARGE, _FREE_BUYS, _FREE_PLACES):
        await db.execute(statement, which)
    owed = (await db.execute(_OWED, which)).all()
    await reduce_charges(db, [Reduction(row.order_id, row.owed_fen, liable, reason) for row in owed], by)
    await record_many(db, orders.ORDER, "order.cancelled", await order_events_of(db, ids))
