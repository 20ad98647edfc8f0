"""Telling a household something, once: effects of what the owners say."""

from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway.notifications import domain
from services.gateway.notifications.domain import Told
from shared.bus.outbox import record
from shared.contracts import gateway, orders
from shared.contracts.base import Event
from shared.contracts.record import RecordV1
from shared.ids import new_id

# A merged household is told through the one that took over. The channel is the household's own wish.
TELL = text("""
INSERT INTO notifications (id, kind, told_once_as, household_id, area, refs, zh, en, channel, state, finished_at)
SELECT CAST(:id AS uuid), :kind, :told_once_as, coalesce(heir.key, CAST(:household_id AS uuid)), :area,
  CAST(:refs AS jsonb), :zh, :en, coalesce(heir.notify, home.notify),
  CASE coalesce(heir.notify, home.notify, '') WHEN '' THEN 'waiting' WHEN 'inbox' THEN 'delivered'
    WHEN 'sms' THEN 'queued' ELSE 'listed' END,
  CASE coalesce(heir.notify, home.notify) WHEN 'inbox' THEN now() END
FROM (SELECT 1) AS one
LEFT JOIN household_copies AS home ON home.key = :household_id
LEFT JOIN household_copies AS heir ON heir.key = home.merged_into
ON CONFLICT (told_once_as) DO NOTHING
RETURNING household_id, state
""")


async def tell(db: AsyncSession, told: Told) -> bool:
    """Whether this was new; what was told before is not told again."""
    notification_id = new_id()
    values = {
        "id": notification_id,
        "kind": told.kind,
        "told_once_as": told.told_once_as,
        "household_id": told.household_id,
        "area": told.area,
        "refs": orjson.dumps({name: str(ref) for name, ref in told.refs.items()}).decode(),
        "zh": told.zh,
        "en": told.en,
    }
    row = (await db.execute(TELL, values)).one_or_none()
    if row is None:
        return False
    _record(db, notification_id, told, row.household_id, row.state)
    return True


def _record(db: AsyncSession, notification_id: UUID, told: Told, household_id: UUID, state: str) -> None:
    payload = RecordV1(
        id=notification_id,
        version=1,
        area=told.area,
        kind="notification",
        state=state,
        refs={"household_id": household_id, **told.refs},
        reason=told.kind,
    )
    record(db, gateway.RECORD, "notification.created", payload)


async def on_shortage(db: AsyncSession, event: Event) -> None:
    """``shortage.decided``: once per household, purchase and reason."""
    s = event.of(orders.ShortageV1)
    await tell(db, domain.shortage(s.household_id, s.purchase_id, s.order_id, s.reason, s.area, s.zh, s.en))


async def on_order_cancelled(db: AsyncSession, event: Event) -> None:
    """``order.cancelled``, for a missed minimum as for a silent store; not when the household wished it."""
    order = event.of(orders.OrderV1)
    if order.reason not in domain.OWN_WISH:
        await tell(db, domain.order_cancelled(order.household_id, order.id, order.code, order.reason, order.area))


async def on_parcel_called(db: AsyncSession, event: Event) -> None:
    """``parcel.called``."""
    p = event.of(orders.ParcelV1)
    await tell(db, domain.parcel_called(p.household_id, p.id, p.order_id, event.seq, p.gate_number, p.area))


async def on_refund_paid(db: AsyncSession, event: Event) -> None:
    """``refund.paid``; a refund without a household goes to a store."""
    payment = event.of(orders.PaymentV1)
    if payment.household_id is not None:
        await tell(db, domain.refund_paid(payment.household_id, payment.id, payment.amount_fen, payment.area))
