"""Codes and sessions that are over are not kept."""

import asyncio

from sqlalchemy import text

from shared.service import Resources

EVERY_SECONDS = 600
_OVER = (
    "DELETE FROM sign_in_codes WHERE expires_at < now() - interval '1 day'",
    "DELETE FROM sessions WHERE expires_at < now() - interval '90 days'",
)


async def tidy_up(resources: Resources) -> None:
    """A loop of the worker."""
    while True:
        async with resources.db.transaction() as db:
            for statement in _OVER:
                await db.execute(text(statement))
        await asyncio.sleep(EVERY_SECONDS)
