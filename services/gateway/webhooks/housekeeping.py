"""What is over is not kept: deliveries 30 days (as the feed promises), what happened 60 days, for replays."""

from typing import Any, cast

from sqlalchemy import CursorResult, TextClause, text

from services.gateway.loops import keep_doing
from shared.service import Resources

EVERY_SECONDS = 3600
STEP = 5_000

FORGET_DELIVERIES = text("""
DELETE FROM webhook_deliveries WHERE id IN (
  SELECT id FROM webhook_deliveries WHERE id < uuidv7(interval '-30 days') ORDER BY id LIMIT :step)
""")
FORGET_EVENTS = text("""
DELETE FROM feed_events WHERE id IN (
  SELECT event.id FROM feed_events AS event
  WHERE event.recorded_at < now() - interval '60 days' AND NOT EXISTS (
    SELECT 1 FROM webhook_endpoints AS endpoint JOIN webhook_deliveries AS delivery
      ON delivery.endpoint_id = endpoint.id AND delivery.event_id = event.id)
  ORDER BY event.recorded_at LIMIT :step)
""")


async def forget_old(resources: Resources) -> None:
    """The worker's loop."""

    async def step() -> int:
        gone = [await forget_step(resources, statement) for statement in (FORGET_DELIVERIES, FORGET_EVENTS)]
        return STEP in gone

    await keep_doing("forget_old", step, EVERY_SECONDS)


async def forget_step(resources: Resources, statement: TextClause) -> int:
    """One short transaction; returns how many rows went."""
    async with resources.db.transaction() as db:
        return cast(CursorResult[Any], await db.execute(statement, {"step": STEP})).rowcount
