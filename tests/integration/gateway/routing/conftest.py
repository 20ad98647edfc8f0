"""The whole gateway on a real port, before services that a test plays."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from services.gateway.routing.cors import outermost
from services.gateway.service import SERVICE
from shared.app import build_app
from shared.auth import Principal, sign_token
from shared.service import Resources
from tests.engines import SharedEngines
from tests.integration.gateway.stubs import Upstreams, serving
from tests.integration.service import provisioned, signing_key


@pytest.fixture(scope="module")
def environment(engines: SharedEngines) -> Iterator[None]:
    with provisioned("gateway", engines):
        yield


@pytest.fixture
async def upstream() -> AsyncIterator[Upstreams]:
    async with serving() as stub:
        yield stub


async def until(condition: Callable[[], bool]) -> None:
    """Waits for what is about to happen; fails after five seconds."""
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


@dataclass
class Served:
    """The gateway as a client sees it."""

    url: str
    app: FastAPI

    @property
    def resources(self) -> Resources:
        found: Resources = self.app.state.resources
        return found

    def client(self, who: Principal | None = None) -> httpx.AsyncClient:
        token = {"Authorization": f"Bearer {sign_token(who, signing_key())}"} if who else {}
        return httpx.AsyncClient(base_url=self.url, headers=token, timeout=30, trust_env=False)


@pytest.fixture
async def door(environment: None, upstream: Upstreams, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    for service in ("REGISTRY", "ORDERS", "DISPATCH"):
        monkeypatch.setenv(f"LINLI_GATEWAY_{service}_URL", upstream.url)
    monkeypatch.setenv("LINLI_GATEWAY_CORS_ORIGINS", '["https://console.example"]')
    app = build_app(SERVICE)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        outermost(app, SERVICE.settings()), log_level="error", access_log=False, http="httptools", timeout_keep_alive=75
    )
    server = uvicorn.Server(config)
    with contextlib.suppress(AttributeError):
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server.serve(sockets=[listening]))
    await until(lambda: server.started)
    yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}", app)
    server.should_exit = True
    await task
    listening.close()
