"""How the worker's loops wait: for work, and for a database that is away for a while."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from shared.bus.errors import passes

AWAY_SECONDS = 1.0
log = structlog.get_logger()


async def keep_doing(name: str, step: Callable[[], Awaitable[int]], pause: float) -> None:
    """Calls ``step`` until cancelled: again at once while it finds work, after ``pause`` seconds when it found none,
    after a second when it failed in a way that passes. Raises any other failure: a defect is loud.
    """
    while True:
        try:
            worked = await step()
        except Exception as error:
            if not passes(error):
                raise
            log.warning("loop_waits", loop=name, error=type(error).__name__)
            worked, wait = 0, AWAY_SECONDS
        else:
            wait = pause
        if not worked:
            await asyncio.sleep(wait)
