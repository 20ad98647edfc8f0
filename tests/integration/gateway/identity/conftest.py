"""The gateway with a registry that knows everybody's telephone."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.gateway.service import SERVICE
from tests.engines import SharedEngines
from tests.integration.gateway.stubs import Upstreams, serving
from tests.integration.service import Running, provisioned, running


@pytest.fixture(scope="module")
def environment(engines: SharedEngines) -> Iterator[None]:
    with provisioned("gateway", engines):
        yield


@pytest.fixture
async def registry() -> AsyncIterator[Upstreams]:
    async with serving() as stub:
        yield stub


@pytest.fixture
async def gateway(
    environment: None, registry: Upstreams, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Running]:
    monkeypatch.setenv("LINLI_GATEWAY_REGISTRY_URL", registry.url)
    monkeypatch.setenv("LINLI_GATEWAY_SMS_OUTBOX", str(tmp_path / "sms.jsonl"))
    monkeypatch.setenv("LINLI_GATEWAY_CODES_PER_ADDRESS", "100000")
    async with running(SERVICE) as service:
        yield service
