"""The merged document of all four applications, built in this process: no server, no database."""

from functools import cache
from importlib import import_module
from typing import Any

from services.gateway.openapi.domain import merge
from shared.app import build_app
from shared.settings import SERVICES

Document = dict[str, Any]


@cache
def parts() -> dict[str, Document]:
    """Each service's own document."""
    return {name: build_app(import_module(f"services.{name}.service").SERVICE).openapi() for name in SERVICES}


@cache
def merged() -> Document:
    """What the gateway serves at ``/v1/openapi.json``."""
    return merge(parts(), "http://127.0.0.1:8000")
