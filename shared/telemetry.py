"""Structured logs with one correlation id, and Prometheus metrics."""

import logging
import sys

import structlog

from shared.bus.context import correlation_id
from shared.privacy import drop_personal


def _with_correlation(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if (current := correlation_id.get()) is not None:
        event.setdefault("request_id", current)
    return event


def configure_logging(service: str, process: str, level: str) -> None:
    """One JSON line per event on standard output; personal data is masked by a last processor."""
    numeric = getattr(logging, level.upper())
    logging.basicConfig(stream=sys.stdout, level=max(numeric, logging.WARNING), format="%(message)s", force=True)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _with_correlation,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            drop_personal,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service, process=process)
