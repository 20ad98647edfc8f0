"""The loop that finds out how to tell, and sends what goes by SMS.

Telephones live in registry. They are fetched for one batch, for a named purpose, and forgotten once it is sent.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import structlog
from prometheus_client import Counter
from sqlalchemy import Row, text

from services.gateway.loops import keep_doing
from services.gateway.notifications.domain import retry_delay
from services.gateway.settings import GatewaySettings
from services.gateway.sms import sender
from services.gateway.upstream import call
from shared.problems import Problem
from shared.service import Resources

POLL_SECONDS = 0.5
BATCH = 200
AT_ONCE = 16
LEASE_SECONDS = 60
UNKNOWN_AFTER_SECONDS = 300
PURPOSE = "配送通知"
PREFIX = "【邻里】"
SENT = Counter("linli_notifications_sms_total", "SMS notifications by outcome", ["outcome"])
log = structlog.get_logger()

RESOLVE = text("""
UPDATE notifications AS told SET channel = found.notify, household_id = found.key,
  state = CASE found.notify WHEN 'inbox' THEN 'delivered' WHEN 'sms' THEN 'queued' ELSE 'listed' END,
  finished_at = CASE found.notify WHEN 'inbox' THEN now() END
FROM (
  SELECT waiting.id, coalesce(heir.key, waiting.household_id) AS key,
    coalesce(heir.notify, home.notify, 'slip') AS notify
  FROM notifications AS waiting
  LEFT JOIN household_copies AS home ON home.key = waiting.household_id
  LEFT JOIN household_copies AS heir ON heir.key = home.merged_into
  WHERE waiting.state = 'waiting'
    AND (home.notify IS NOT NULL OR waiting.created_at < now() - make_interval(secs => :unknown_after))
  ORDER BY waiting.created_at LIMIT 500 FOR UPDATE OF waiting SKIP LOCKED
) AS found WHERE told.id = found.id
""")
"""The copy of the household has come; one that stays unknown gets a printed slip."""

TAKE = text("""
UPDATE notifications SET leased_until = now() + make_interval(secs => :lease), attempts = attempts + 1
WHERE id IN (
  SELECT id FROM notifications WHERE state = 'queued' AND next_attempt_at <= now()
    AND (leased_until IS NULL OR leased_until <= now())
  ORDER BY next_attempt_at LIMIT :most FOR UPDATE SKIP LOCKED)
RETURNING id, household_id, zh, attempts
""")

FINISH = text("UPDATE notifications SET state = 'sent', leased_until = NULL, finished_at = now() WHERE id = ANY(:ids)")
HAND_OVER = text(
    "UPDATE notifications SET channel = :channel, state = 'listed', leased_until = NULL WHERE id = ANY(:ids)"
)
PUT_OFF = text(
    "UPDATE notifications SET leased_until = NULL, next_attempt_at = now() + make_interval(secs => :delay)"
    " WHERE id = ANY(:ids)"
)


async def send_notifications(resources: Resources) -> None:
    """The worker's loop."""
    await keep_doing("send_notifications", lambda: send_due(resources), POLL_SECONDS)


async def send_due(resources: Resources) -> int:
    """One round; returns how many messages were taken up."""
    async with resources.db.transaction() as db:
        await db.execute(RESOLVE, {"unknown_after": UNKNOWN_AFTER_SECONDS})
        taken = (await db.execute(TAKE, {"lease": LEASE_SECONDS, "most": BATCH})).all()
    if not taken:
        return 0
    try:
        phones = await _phones(resources, sorted({row.household_id for row in taken}))
    except Problem as problem:
        log.warning("contacts_unavailable", code=problem.code)
        await _settle(resources, {row.id: "again" for row in taken}, taken)
        return len(taken)
    bound = asyncio.Semaphore(AT_ONCE)
    outcomes = await asyncio.gather(*(_send(resources, bound, row.zh, phones.get(row.household_id)) for row in taken))
    await _settle(resources, {row.id: outcome for row, outcome in zip(taken, outcomes, strict=True)}, taken)
    return len(taken)


async def _phones(resources: Resources, household_ids: Sequence[UUID]) -> Mapping[UUID, str]:
    body = {"purpose": PURPOSE, "household_ids": [str(id) for id in household_ids], "fields": ["phone"]}
    answer = await call(resources, "registry", "POST", "/v1/households/contacts", json=body)
    if answer.status_code != 200:
        raise Problem(code="bad_upstream")
    rows = answer.json()["rows"]
    return {UUID(row["household_id"]): row["phone"] for row in rows if row["phone"]}


async def _send(resources: Resources, bound: asyncio.Semaphore, words: str, phone: str | None) -> str:
    if phone is None:
        return "no_phone"
    async with bound:
        try:
            outbox = cast(GatewaySettings, resources.settings).sms_outbox
            await sender(outbox).send(phone, PREFIX + words)
        except Problem:
            return "again"
    return "sent"


async def _settle(resources: Resources, outcomes: Mapping[UUID, str], taken: Sequence[Row[Any]]) -> None:
    """Writes what became of each: sent; without a telephone a slip; after too many tries a call."""
    for outcome in outcomes.values():
        SENT.labels(outcome).inc()
    async with resources.db.transaction() as db:
        await db.execute(FINISH, {"ids": [id for id, one in outcomes.items() if one == "sent"]})
        slips = [id for id, one in outcomes.items() if one == "no_phone"]
        await db.execute(HAND_OVER, {"ids": slips, "channel": "slip"})
        again = [row for row in taken if outcomes[row.id] == "again"]
        calls = [row.id for row in again if retry_delay(row.attempts) is None]
        await db.execute(HAND_OVER, {"ids": calls, "channel": "call"})
        for row in again:
            if (delay := retry_delay(row.attempts)) is not None:
                await db.execute(PUT_OFF, {"ids": [row.id], "delay": delay})
