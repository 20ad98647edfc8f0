"""Registry on the real engines, with the official list of Wuhan imported once per module."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from services.registry.commands import OPERATOR
from services.registry.places.divisions import import_divisions, read_list
from services.registry.service import SERVICE
from shared.service import Resources
from tests.engines import SharedEngines
from tests.integration.registry.town import Town
from tests.integration.service import Running, provisioned, running


async def _import() -> None:
    resources = await Resources.open(SERVICE, worker=True)
    try:
        async with resources.db.transaction(OPERATOR) as db:
            await import_divisions(db, read_list())
    finally:
        await resources.close()


@pytest.fixture(scope="module")
def environment(engines: SharedEngines) -> Iterator[None]:
    with provisioned("registry", engines):
        asyncio.run(_import())
        yield


@pytest.fixture
async def registry(environment: None) -> AsyncIterator[Running]:
    async with running(SERVICE) as service:
        yield service


@pytest.fixture
async def town(registry: Running) -> Town:
    """Changqing Garden with a compound of its own for each test."""
    return await Town.build(registry)
