"""What the gateway's API holds open beyond the common resources."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from services.gateway.identity.verifier import OwnKeys
from services.gateway.limits import Limiter
from services.gateway.routing.upstreams import open_upstreams
from services.gateway.settings import GatewaySettings
from shared.service import Resources


@asynccontextmanager
async def open_gateway(resources: Resources) -> AsyncIterator[None]:
    """``extra["limiter"]`` and ``extra["upstreams"]``; tokens are checked with the gateway's own keys."""
    resources.verifier = OwnKeys(resources)
    resources.extra["limiter"] = Limiter(resources.db.engine)
    async with open_upstreams(cast(GatewaySettings, resources.settings)) as upstreams:
        resources.extra["upstreams"] = upstreams
        yield
