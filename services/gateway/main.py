"""The gateway's application."""

from services.gateway.service import SERVICE
from shared.app import build_app


def create_app():  # type: ignore[no-untyped-def]
    """The whole gateway: its own routes behind the door that forwards everything else."""
    return build_app(SERVICE)
