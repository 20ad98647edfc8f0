"""A world of things per test."""

from collections.abc import AsyncIterator

import pytest

from tests.engines import SharedEngines
from tests.integration.bus.world import World, a_world


@pytest.fixture
async def world(engines: SharedEngines) -> AsyncIterator[World]:
    """One service of its own on the run's engines."""
    async with a_world(engines.postgres_admin_url, engines.kafka_bootstrap) as made:
        yield made
