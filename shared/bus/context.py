"""What ties a request, its events and their effects together: set by who starts the work, read by outbox and log."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)
"""The request id that the gateway minted, handed on from event to event."""

traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)
"""W3C trace context, handed on as it came."""


@contextmanager
def carried_on(correlation: str | None, trace: str | None) -> Iterator[None]:
    """Inside the block events are recorded under this correlation id and trace."""
    tokens = correlation_id.set(correlation), traceparent.set(trace)
    try:
        yield
    finally:
        correlation_id.reset(tokens[0])
        traceparent.reset(tokens[1])
