"""When a service fails, stop asking it: refusals must be cheap, and repeats must not double the load (GW2, GW3)."""

import time

WINDOW_SECONDS = 10.0
LEAST_FAILURES = 5
OPEN_SECONDS = 1.0
RETRY_SHARE = 0.2
MOST_SAVED_RETRIES = 10.0


class Breaker:
    """Opens when at least five requests, and at least half of those within ten seconds, got no answer.

    While it is open nothing is sent; after a second one request may try, and its outcome decides.
    """

    def __init__(self) -> None:
        self._since = time.monotonic()
        self._failures = self._outcomes = 0
        self._open_until = 0.0
        self._trying = False

    @property
    def is_open(self) -> bool:
        """Whether requests are refused; the one that may try after a pause is let through."""
        if not self._open_until:
            return False
        if time.monotonic() < self._open_until or self._trying:
            return True
        self._trying = True
        return False

    def succeeded(self) -> None:
        if self._open_until:
            self._open_until, self._trying = 0.0, False
            self._restart()
        self._count(failed=False)

    def failed(self) -> None:
        self._count(failed=True)
        if self._trying or (self._failures >= LEAST_FAILURES and self._failures * 2 >= self._outcomes):
            self._open_until, self._trying = time.monotonic() + OPEN_SECONDS, False

    def gave_up(self) -> None:
        """The request that tried ended without an outcome (its client went away)."""
        self._trying = False

    def _count(self, *, failed: bool) -> None:
        if time.monotonic() - self._since > WINDOW_SECONDS:
            self._restart()
        self._outcomes += 1
        self._failures += failed

    def _restart(self) -> None:
        self._since, self._failures, self._outcomes = time.monotonic(), 0, 0


class RetryBudget:
    """Repeats are at most a fifth of the requests."""

    def __init__(self) -> None:
        self._saved = MOST_SAVED_RETRIES

    def earn(self) -> None:
        """One request came."""
        self._saved = min(MOST_SAVED_RETRIES, self._saved + RETRY_SHARE)

    def spend(self) -> bool:
        """Whether one more request may be repeated."""
        if self._saved < 1:
            return False
        self._saved -= 1
        return True
