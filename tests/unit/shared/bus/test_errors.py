"""Which failures pass, and what is told of those that do not."""

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from shared.bus.apply import described
from shared.bus.errors import passes
from shared.problems import Conflict


def wrapped(error: Exception, *, disconnected: bool = False) -> DBAPIError:
    return DBAPIError("SELECT 1", {}, error, connection_invalidated=disconnected)


@pytest.mark.parametrize("error", [
    ConnectionRefusedError(),
    TimeoutError(),
    asyncpg.SerializationError(),
    wrapped(asyncpg.DeadlockDetectedError()),
    wrapped(asyncpg.LockNotAvailableError()),
    wrapped(asyncpg.DiskFullError()),
    wrapped(asyncpg.AdminShutdownError()),
    wrapped(asyncpg.PostgresError(), disconnected=True),
    asyncpg.InterfaceError("connection is closed"),
])  # fmt: skip
def test_passing_failures_are_tried_again(error: Exception) -> None:
    assert passes(error)


@pytest.mark.parametrize("error", [
    ValueError(),
    KeyError("x"),
    Conflict(code="duplicate"),
    wrapped(asyncpg.UniqueViolationError()),
    wrapped(asyncpg.UndefinedTableError()),
    asyncpg.DataError("invalid input for query argument"),
])  # fmt: skip
def test_mistakes_are_not(error: Exception) -> None:
    assert not passes(error)


def test_the_description_holds_no_values() -> None:
    """An exception's text may quote personal data."""
    with pytest.raises(KeyError) as caught:
        raise KeyError("13800138000")
    assert described(caught.value).startswith("KeyError at test_errors.py:")
    unique = asyncpg.UniqueViolationError("Key (phone)=(13800138000) already exists.")
    assert "13800138000" not in described(wrapped(unique))
    assert described(Conflict(code="duplicate")).startswith("Conflict: duplicate")
