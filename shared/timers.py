"""Timers are rows that a worker polls; PostgreSQL's clock decides what is due.

A handler runs in one transaction with the row that called it. When it fails the row stays, its attempts grow, and it
comes again later; nothing is lost.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.database import Database, transaction_time
from shared.ids import new_id

Handler = Callable[[AsyncSession, UUID, datetime], Awaitable[None]]
"""``await handler(db, ref, now)``; must look at the row itself, since a timer may be late or no longer wanted."""

POLL_SECONDS = 0.25
BATCH = 50
log = structlog.get_logger()


async def schedule(db: AsyncSession, kind: str, ref: UUID, due_at: datetime) -> None:
    """Wakes ``kind`` for ``ref`` at ``due_at``; the same call twice is one timer."""
    await db.execute(
        text(
            "INSERT INTO timers (id, kind, ref, due_at) VALUES (:id, :kind, :ref, :due_at)"
            " ON CONFLICT (kind, ref, due_at) DO NOTHING"
        ),
        {"id": new_id(), "kind": kind, "ref": ref, "due_at": due_at},
    )


async def run_timers(db: Database, handlers: Mapping[str, Handler]) -> None:
    """Runs due timers until cancelled."""
    while True:
        if not await run_due(db, handlers):
            await asyncio.sleep(POLL_SECONDS)


async def run_due(db: Database, handlers: Mapping[str, Handler]) -> int:
    """Runs what is due now, each in its own transaction; returns how many ran or failed."""
    async with db.engine.connect() as connection:
        due = (
            await connection.execute(
                text(
                    "SELECT id FROM timers WHERE done_at IS NULL AND kind = ANY(:kinds)"
                    " AND due_at + make_interval(secs => least(attempts * attempts, 300)) <= now()"
                    " ORDER BY due_at LIMIT :batch"
                ),
                {"batch": BATCH, "kinds": list(handlers)},
            )
        ).scalars()
        ids = list(due)
    for timer_id in ids:
        await _run_one(db, timer_id, handlers)
    return len(ids)


async def _run_one(db: Database, timer_id: UUID, handlers: Mapping[str, Handler]) -> None:
    try:
        async with db.transaction() as session:
            row = (
                await session.execute(
                    text("SELECT kind, ref FROM timers WHERE id = :id AND done_at IS NULL FOR UPDATE SKIP LOCKED"),
                    {"id": timer_id},
                )
            ).one_or_none()
            if row is None:
                return
            await handlers[row.kind](session, row.ref, transaction_time(session))
            await session.execute(text("UPDATE timers SET done_at = now() WHERE id = :id"), {"id": timer_id})
    except Exception as error:
        log.exception("timer_failed", timer_id=str(timer_id))
        async with db.transaction() as session:
            await session.execute(
                text("UPDATE timers SET attempts = attempts + 1, last_error = :error WHERE id = :id"),
                {"id": timer_id, "error": type(error).__name__},
            )
