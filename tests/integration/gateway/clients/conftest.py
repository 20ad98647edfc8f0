"""The gateway of the tests of API clients."""

from collections.abc import AsyncIterator, Iterator

import pytest

from services.gateway.service import SERVICE
from tests.engines import SharedEngines
from tests.integration.service import Running, provisioned, running


@pytest.fixture(scope="module")
def environment(engines: SharedEngines) -> Iterator[None]:
    with provisioned("gateway", engines):
        yield


@pytest.fixture
async def gateway(environment: None) -> AsyncIterator[Running]:
    async with running(SERVICE) as service:
        yield service
