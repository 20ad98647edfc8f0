"""UUIDv7 (RFC 9562, section 5.7): ids that sort by the time they were made.

48 bits of Unix milliseconds, 4 of version, 12 random, 2 of variant, 62 random. Within one process every id is greater
than the one before it (RFC 9562, section 6.2, method 2: the random part grows by a random step inside a millisecond),
also when the system clock steps back.
"""

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

_RANDOM_BITS = 74
_LOW_BITS = 62
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NotTimeOrdered(ValueError):
    """An id that is not a UUIDv7 and so does not say when it was made."""

    code = "not_uuid7"


class _Generator:
    """The last id given out, as (milliseconds, random part)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._milliseconds = 0
        self._random = 0

    def next(self) -> tuple[int, int]:
        """Milliseconds and random part of the next id; greater than every pair given out before."""
        fresh = int.from_bytes(os.urandom(10), "big")
        with self._lock:
            milliseconds = time.time_ns() // 1_000_000
            if milliseconds > self._milliseconds:
                self._milliseconds, self._random = milliseconds, fresh >> (80 - _RANDOM_BITS)
            else:
                self._random += 1 + (fresh & 0xFFFF_FFFF)
                self._milliseconds += self._random >> _RANDOM_BITS
                self._random &= (1 << _RANDOM_BITS) - 1
            return self._milliseconds, self._random


_generator = _Generator()


def new_id() -> UUID:
    """A UUIDv7, greater than every other that this process has made."""
    milliseconds, random = _generator.next()
    high, low = random >> _LOW_BITS, random & ((1 << _LOW_BITS) - 1)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << _LOW_BITS | low)


def made_at(made: UUID) -> datetime:
    """When the id was made, in UTC to the millisecond.

    Its maker's clock said so: for a client's id that is a claim, not a fact. Raises NotTimeOrdered for another version.
    """
    if made.version != 7:
        raise NotTimeOrdered("the id is not a UUIDv7")
    try:
        return _EPOCH + timedelta(milliseconds=made.int >> 80)
    except OverflowError as error:
        raise NotTimeOrdered("the id lies beyond the year 9999") from error
