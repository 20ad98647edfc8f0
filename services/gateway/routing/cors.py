"""Browsers of other origins: which may call, what they may send and read (api.md §7)."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from services.gateway.routing.door import Door
from services.gateway.settings import GatewaySettings
from shared.settings import ServiceSettings

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SENT = (
    "Accept-Language",
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "Linli-Timeout-Ms",
    "traceparent",
)
READ = (
    "Content-Disposition",
    "Deprecation",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Request-Id",
    "Retry-After",
    "Sunset",
    "WWW-Authenticate",
)


def outermost(app: FastAPI, settings: ServiceSettings) -> ASGIApp:
    """The door before the gateway's application, and CORS before the door where the settings list origins."""
    assert isinstance(settings, GatewaySettings)
    door = Door(app)
    if not settings.cors_origins:
        return door
    return CORSMiddleware(
        door,
        allow_origins=settings.cors_origins,
        allow_methods=METHODS,
        allow_headers=SENT,
        expose_headers=READ,
        max_age=7200,
    )
