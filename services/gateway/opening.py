"""What the gateway's API holds open beyond the common resources."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.gateway.identity.verifier import OwnKeys
from services.gateway.limits import Limiter
from shared.service import Resources


@asynccontextmanager
async def open_gateway(resources: Resources) -> AsyncIterator[None]:
    """``extra["limiter"]``; tokens are checked with the gateway's own keys."""
    resources.verifier = OwnKeys(resources)
    resources.extra["limiter"] = Limiter(resources.db.engine)
    yield
