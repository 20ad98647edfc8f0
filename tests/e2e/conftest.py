"""One stack for all end-to-end tests of a pytest worker, and a small town on it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deploy.laptop.supervisor import Stack
from tests.e2e.town import Town, town_on


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder: Path = tmp_path_factory.mktemp("stack")
    with Stack(folder, durable=False) as running:
        yield running
        failure = running.failure()
    if failure is not None:
        raise failure


@pytest.fixture(scope="session")
async def street(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with town_on(stack, tmp_path_factory.mktemp("street")) as made:
        yield made


@pytest.fixture
async def town(street: Town) -> Town:
    """The town, everybody with a token that lasts for the test."""
    await street.fresh()
    return street
