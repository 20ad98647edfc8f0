"""One service on the real engines: databases of its own, its application entered, tokens signed by a key of the test.

In a test module (or a conftest.py beside the modules of one service):

    @pytest.fixture(scope="module")
    def environment(engines: SharedEngines) -> Iterator[None]:
        with provisioned("orders", engines):
            yield

    @pytest.fixture
    async def orders(environment: None) -> AsyncIterator[Running]:
        async with running(SERVICE) as service:
            yield service

    async def test_it(orders: Running) -> None:
        worker = orders.client(person(Grant("community_worker", area="42.01.12.013.001")))
        answer = await worker.post("/v1/rounds", json={…})      # an Idempotency-Key is filled in
"""

import base64
import contextlib
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import httpx
import pytest
import uvloop
from alembic import command
from fastapi import FastAPI
from joserfc.jwk import OKPKey

from deploy.laptop.locks import exclusive
from shared.app import build_app
from shared.auth import Grant, Principal, sign_token
from shared.database import Database, make_engine
from shared.ids import new_id
from shared.migrate import config
from shared.provision import provision_service
from shared.service import Resources, Service
from shared.timers import run_due
from tests.engines import SharedEngines

ROLES = ("owner", "api", "worker", "intake", "keys")


@cache
def signing_key() -> OKPKey:
    """The Ed25519 key that stands for the gateway's."""
    key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": "Ed25519"})
    key.ensure_kid()
    return key


@cache
def jwks_url() -> str:
    """Where a thread of this process serves the public half of ``signing_key``."""
    document = json.dumps({"keys": [signing_key().as_dict(private=False)]}).encode()

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(document)))
            self.end_headers()
            self.wfile.write(document)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/jwks.json"


def person(*grants: Grant, id: UUID | None = None) -> Principal:
    """Somebody signed in."""
    return Principal(id or new_id(), "person", new_id(), grants)


def client_of(*grants: Grant, scopes: frozenset[str]) -> Principal:
    """An API client, such as a store's system."""
    return Principal(new_id(), "client", new_id(), grants, scopes)


def service_principal() -> Principal:
    """One of Linli's own services."""
    return Principal(new_id(), "service", new_id())


@contextmanager
def provisioned(service: str, engines: SharedEngines) -> Iterator[None]:
    """Fresh, migrated databases of the service; the process's environment names them until the block ends."""
    suffix = new_id().hex[-12:]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(service, engines, suffix).items():
            patch.setenv(name, value)
        patch.setattr("shared.app.DEADLINE_MS", 20_000)  # a busy machine is no failure of what is tested
        # Roles belong to the whole cluster, so workers of one run take turns.
        with exclusive(Path(tempfile.gettempdir()) / "linli-test-provision.lock"):
            uvloop.run(provision_service(engines.postgres_admin_url, service))
        command.upgrade(config(service), "head")
        try:
            yield
        finally:
            uvloop.run(_drop(engines.postgres_admin_url, [f"t_{service}_{suffix}", f"t_{service}_keys_{suffix}"]))


def environment(service: str, engines: SharedEngines, suffix: str) -> dict[str, str]:
    upper = service.upper()
    host = urlsplit(engines.postgres_admin_url).netloc.rpartition("@")[2]
    urls = {
        f"LINLI_{upper}_{role.upper()}_URL": f"postgresql://{service}_{role}:{_password(f'{service}_{role}')}@{host}/"
        + (f"t_{service}_keys_{suffix}" if role == "keys" else f"t_{service}_{suffix}")
        for role in ROLES
        if role != "intake" or service == "orders"
    }
    if service == "gateway":
        urls["LINLI_GATEWAY_SIGNING_KEY"] = _private_bytes()
    return urls | {
        "LINLI_PROFILE": "laptop",
        "LINLI_KAFKA_BOOTSTRAP": engines.kafka_bootstrap,
        "LINLI_JWKS_URL": jwks_url(),
        f"LINLI_{upper}_MASTER_KEYS": "1:" + base64.b64encode(hashlib.sha256(upper.encode()).digest()).decode(),
    }


def _private_bytes() -> str:
    secret = str(signing_key().as_dict(private=True)["d"])
    return base64.b64encode(base64.urlsafe_b64decode(secret + "=")).decode()


def _password(role: str) -> str:
    return hashlib.sha256(role.encode()).hexdigest()[:24]


async def _drop(admin_url: str, databases: list[str]) -> None:
    connection = await asyncpg.connect(admin_url)
    try:
        for name in databases:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()


@dataclass
class Running:
    """The service's application inside its lifespan, and what its worker would use."""

    service: Service
    app: FastAPI
    worker: Database
    _clients: list[httpx.AsyncClient] = field(default_factory=list)

    @property
    def resources(self) -> Resources:
        found: Resources = self.app.state.resources
        return found

    def client(self, who: Principal | None = None, headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
        """A client that carries the token of ``who`` and fills in an Idempotency-Key for every POST without one."""
        token = {"Authorization": f"Bearer {sign_token(who, signing_key())}"} if who else {}
        made = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=False),
            base_url="http://service",
            headers=token | dict(headers or {}),
            event_hooks={"request": [_fill_in_key]},
            timeout=30,
        )
        self._clients.append(made)
        return made

    async def run_timers(self) -> int:
        """Runs every timer that is due, and those that they make due; returns how many."""
        ran = 0
        while some := await run_due(self.worker, self.service.timers):
            ran += some
        return ran

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()


async def _fill_in_key(request: httpx.Request) -> None:
    if request.method == "POST" and "Idempotency-Key" not in request.headers:
        request.headers["Idempotency-Key"] = str(new_id())


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[Running]:
    """The application of ``service`` in the environment that ``provisioned`` made."""
    app = build_app(service)
    worker = Database(make_engine(os.environ[f"LINLI_{service.name.upper()}_WORKER_URL"], pool_size=4))
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(worker.close)
        await stack.enter_async_context(app.router.lifespan_context(app))
        made = Running(service, app, worker)
        stack.push_async_callback(made.close)
        yield made
