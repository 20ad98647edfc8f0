"""Dispatch on the real engines, with the places that its copies know."""

from collections.abc import AsyncIterator, Iterator

import pytest

from services.dispatch.service import SERVICE
from tests.engines import SharedEngines
from tests.integration.dispatch.street import PLACES, know, place
from tests.integration.service import Running, provisioned, running


@pytest.fixture(scope="module")
def environment(engines: SharedEngines) -> Iterator[None]:
    with provisioned("dispatch", engines):
        yield


@pytest.fixture
async def dispatch(environment: None) -> AsyncIterator[Running]:
    async with running(SERVICE) as service:
        await know(service, *[place(area, name) for area, name in PLACES.items()])
        yield service
