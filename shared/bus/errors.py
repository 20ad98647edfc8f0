"""Which failures pass by themselves: begin again. All others are a mistake: park the event, or crash loudly."""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_PASSING_STATES = {"40001", "40P01", "55P03", "57P01", "57P02", "57P03"}
"""Serialization failure, deadlock, lock timeout; the server shuts down, crashed, starts."""
_PASSING_CLASSES = {"08", "53"}
"""Connection exceptions; insufficient resources (disk full, too many connections)."""


def passes(error: BaseException) -> bool:
    """True for lost connections, timeouts, serialization failures, deadlocks, a full disk, a server that restarts."""
    if isinstance(error, ConnectionError | TimeoutError | PoolTimeout):
        return True
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or _state_passes(error.orig)
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error)  # the others are wrong arguments
    return _state_passes(error)


def _state_passes(error: BaseException | None) -> bool:
    state = getattr(error, "sqlstate", None) or ""
    return state in _PASSING_STATES or state[:2] in _PASSING_CLASSES
