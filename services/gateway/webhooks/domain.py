"""When is a webhook tried again, when does an endpoint rest, and when is it over? Pure; times are seconds.

An endpoint gets nothing before it has agreed (handshake), and nothing after it said 410. One event is tried at once
and then after each delay of the schedule; after the last one it has failed for good, visibly, and the next event of
the same entity goes out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from shared.machine import Machine

ENDPOINT = Machine(
    "webhook_endpoint",
    {
        "pending": {"agree": "enabled", "disable": "disabled", "enable": "pending", "delete": "deleted"},
        "enabled": {
            "disable": "disabled",
            "change_url": "pending",
            "delete": "deleted",
            "ping": "enabled",
            "replay": "enabled",
        },
        "disabled": {"enable": "pending", "delete": "deleted"},
    },
)
"""``enable`` asks for the receiver's consent anew; only the answered handshake (``agree``) opens the endpoint."""

MINUTE, HOUR = 60, 3600
SCHEDULE = (5, MINUTE, 5 * MINUTE, 30 * MINUTE, *(hours * HOUR for hours in (1, 2, 4, 8, 12, 16, 22, 26)))
"""Delays after the first to the last but one attempt: 13 attempts, 91.6 h, and more than 72 h at the lowest jitter."""

JITTER = 0.2
RETRY_AFTER_CAP = 24 * HOUR
BREAKER_OPENS_AFTER = 5
BREAKER_PAUSES = (1, 2, 5, 15, 30, MINUTE, 2 * MINUTE, 5 * MINUTE)
HANDSHAKE_SCHEDULE = (1, 2, 5, 15, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR)
THROTTLES = frozenset({429, 502, 504})
GONE = 410

Error = Literal[
    "timeout", "connection_failed", "tls_failed", "address_refused", "redirected", "status", "gone", "url_refused"
]


@dataclass(frozen=True)
class Answer:
    """What came of one attempt: ``status`` if the receiver answered at all, ``error`` unless it was a 2xx.

    ``retry_after`` is the receiver's wish in seconds.
    """

    status: int | None
    error: Error | None
    duration_ms: int
    retry_after: float | None = None


@dataclass(frozen=True)
class Verdict:
    """What becomes of the delivery: ``delivered``, ``pending`` again after ``delay`` seconds, or ``failed``."""

    state: Literal["delivered", "pending", "failed"]
    delay: float = 0


def judge(answer: Answer, attempts: int, chance: float, schedule: Sequence[float]) -> Verdict:
    """The verdict after attempt number ``attempts`` (from 1); ``chance`` in [0, 1) is the jitter's dice."""
    if answer.error is None:
        return Verdict("delivered")
    if attempts > len(schedule):
        return Verdict("failed")
    delay = schedule[attempts - 1] * (1 - JITTER + 2 * JITTER * chance)
    if answer.retry_after is not None:
        delay = max(delay, min(answer.retry_after, RETRY_AFTER_CAP))
    return Verdict("pending", delay)


@dataclass(frozen=True)
class Health:
    """Failures in a row; ``pause`` is how long the endpoint rests from now, None when it need not."""

    failures: int
    pause: float | None = None


def breathe(failures: int, answers: Sequence[Answer], pauses: Sequence[float] = BREAKER_PAUSES) -> Health:
    """The endpoint's health after some answers, in their order.

    From the fifth failure in a row on it rests, longer each time, then one delivery tries the ground. 429, 502 and 504
    let it rest at once, as long as the receiver asks. What follows the answer that made it rest was under way already
    and does not count, so that many failures at once are one.
    """
    for answer in answers:
        failures = 0 if answer.error is None else failures + 1
        opened = failures >= BREAKER_OPENS_AFTER
        if not opened and answer.status not in THROTTLES:
            continue
        step = min(failures - BREAKER_OPENS_AFTER, len(pauses) - 1) if opened else 0
        wish = min(answer.retry_after or 0, RETRY_AFTER_CAP) if answer.status in (*THROTTLES, 503) else 0
        return Health(failures, max(pauses[step], wish))
    return Health(failures)


def consents(allowed_origin: str | None, origin: str) -> bool:
    """Whether the receiver's ``WebHook-Allowed-Origin`` lets ``origin`` send (CloudEvents HTTP web hook, section 4)."""
    return allowed_origin is not None and allowed_origin.strip().lower() in ("*", origin.lower())
