"""A gateway with registered sources, and owners played by a stub."""

import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from aiohttp import web
from sqlalchemy import text
from standardwebhooks.webhooks import Webhook

from services.gateway.inbound.carrier import carry_due
from services.gateway.service import SERVICE
from shared.auth import Grant
from shared.ids import new_id
from shared.service import Resources
from tests.engines import SharedEngines
from tests.integration.gateway.stubs import Upstreams, serving
from tests.integration.service import Running, person, provisioned, running

CITY, STREET = "42.01", "42.01.12.013"
STORE = UUID("0195c2a0-0000-7000-8000-0000000000f0")


@pytest.fixture(scope="module")
def environment(engines: SharedEngines) -> Iterator[None]:
    with provisioned("gateway", engines):
        yield


@dataclass
class Owner:
    """What the owners were asked, and what they answer next."""

    stub: Upstreams
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    status: int = 201
    body: dict[str, Any] = field(default_factory=lambda: {"id": str(new_id())})

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path, dict(request.headers), await request.json()))
        return web.json_response(self.body, status=self.status)


@pytest.fixture
async def owner() -> AsyncIterator[Owner]:
    async with serving() as stub:
        made = Owner(stub)
        stub.handler = made
        yield made


@dataclass
class Inside:
    """The gateway, its worker's resources, and somebody who may register sources."""

    gateway: Running
    resources: Resources
    administrator: httpx.AsyncClient

    async def source(self, **fields: Any) -> dict[str, Any]:
        wish = {"kind": "city_command", "name": "指挥部", "area": CITY} | fields
        answer = await self.administrator.post("/v1/inbound-sources", json=wish)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def send(self, source: dict[str, Any], raw: bytes | dict[str, Any], **changes: str | None) -> httpx.Response:
        body = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
        headers = signed(source["secret"], body)
        headers.update({name.replace("_", "-"): value for name, value in changes.items() if value is not None})
        for name in [name.replace("_", "-") for name, value in changes.items() if value is None]:
            del headers[name]
        return await self.gateway.client().post(f"/v1/inbound/{source['id']}", content=body, headers=headers)

    async def carry(self) -> int:
        return await carry_due(self.resources)

    async def read(self, message_id: str) -> dict[str, Any]:
        answer = await self.administrator.get(f"/v1/inbound-messages/{message_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def events(self, message_id: str) -> list[str]:
        async with self.gateway.worker.transaction() as db:
            query = text("SELECT type FROM outbox WHERE key = :id ORDER BY id")
            return list((await db.execute(query, {"id": message_id})).scalars())


def signed(secret: str, body: bytes, message_id: str | None = None, at: float | None = None) -> dict[str, str]:
    message_id, moment = message_id or str(new_id()), datetime.fromtimestamp(at or time.time(), UTC)
    signature = Webhook(secret).sign(message_id, moment, body.decode())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signature,
        "content-type": "application/json",
    }


@pytest.fixture
async def inside(environment: None, owner: Owner, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Inside]:
    monkeypatch.setenv("LINLI_GATEWAY_REGISTRY_URL", owner.stub.url)
    monkeypatch.setenv("LINLI_GATEWAY_ORDERS_URL", owner.stub.url)
    async with running(SERVICE) as gateway:
        async with gateway.worker.transaction() as db:
            await db.execute(text("DELETE FROM inbound_messages"))
            await db.execute(
                text(
                    "INSERT INTO organization_copies (key, seq, payload) VALUES (:id, 1, CAST(:payload AS jsonb))"
                    " ON CONFLICT DO NOTHING"
                ),
                {"id": STORE, "payload": json.dumps({"id": str(STORE), "area": STREET})},
            )
        administrator = gateway.client(person(Grant("administrator", area=CITY)))
        yield Inside(gateway, replace(gateway.resources, db=gateway.worker), administrator)


def notice(**data: Any) -> dict[str, Any]:
    fields = {
        "number": "第12号",
        "title": "通告",
        "issuer": "指挥部",
        "region_codes": ["420100000000"],
        "legal_basis": "传染病防治法",
        "place_state": "sealed_management",
        "issued_at": "2020-02-10T12:00:00+08:00",
    }
    return {"type": "notice.issued", "timestamp": "2020-02-10T12:00:00Z", "data": fields | data}


def confirmation(purchase_id: UUID, **line: Any) -> dict[str, Any]:
    lines = [{"item_id": str(new_id()), "confirmed_qty": 3} | line]
    return {
        "type": "purchase.confirmation",
        "timestamp": "2020-02-10T12:00:00Z",
        "data": {"purchase_id": str(purchase_id), "lines": lines},
    }
