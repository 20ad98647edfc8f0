"""What no longer counts is deleted, hourly: old idempotency keys and done timers."""

import asyncio

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.database import Database

EVERY_SECONDS = 3600
OLD = (
    "DELETE FROM idempotency_keys WHERE created_at < now() - interval '7 days'",
    "DELETE FROM timers WHERE done_at < now() - interval '30 days'",
)
log = structlog.get_logger()


async def run_tidying(db: Database) -> None:
    """Tidies until cancelled; a database that is away for a while is no failure."""
    while True:
        try:
            async with db.transaction() as session:
                for statement in OLD:
                    await session.execute(text(statement))
        except (DBAPIError, OSError) as error:
            log.warning("tidying_postponed", error=type(error).__name__)
        await asyncio.sleep(EVERY_SECONDS)
