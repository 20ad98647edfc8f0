"""The orders service on the real engines: one set of databases per test module, a street with its store per test."""

from collections.abc import AsyncIterator, Iterator

import pytest

from services.orders.service import SERVICE
from tests.engines import SharedEngines
from tests.integration.orders.street import Street
from tests.integration.service import Running, provisioned, running


@pytest.fixture(scope="module")
def environment(engines: SharedEngines) -> Iterator[None]:
    with provisioned("orders", engines):
        yield


@pytest.fixture
async def orders(environment: None) -> AsyncIterator[Running]:
    async with running(SERVICE) as service:
        yield service


@pytest.fixture
async def street(orders: Running) -> Street:
    """A street of its own with two communities, a store that they have agreements with, and nothing open yet."""
    return await Street.found(orders)
