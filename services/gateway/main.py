"""The gateway's application."""

from starlette.types import ASGIApp

from services.gateway.routing.cors import outermost
from services.gateway.service import SERVICE
from shared.app import build_app


def create_app() -> ASGIApp:
    """The gateway's own routes behind the door that forwards everything else."""
    return outermost(build_app(SERVICE), SERVICE.settings())
