"""A gateway with a receiver, and a worker whose turns the test takes itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from services.gateway.service import SERVICE
from services.gateway.webhooks.client import WebhookClient
from services.gateway.webhooks.deliveries import tell_outsiders
from services.gateway.webhooks.handshakes import shake_due
from services.gateway.webhooks.sender import Sender, client_of
from shared.auth import Grant
from shared.clock import now
from shared.contracts import orders
from shared.contracts.base import Contract, Event, Topic, identity
from shared.ids import new_id
from shared.service import Resources
from tests.engines import SharedEngines
from tests.integration.gateway.receivers import Receiver, receiving
from tests.integration.service import Running, person, provisioned, running

STREET = "42.01.12.013"
COMMUNITY = "42.01.12.013.001"


@pytest.fixture(scope="module")
def environment(engines: SharedEngines) -> Iterator[None]:
    with provisioned("gateway", engines), pytest.MonkeyPatch.context() as patch:
        patch.setenv("LINLI_GATEWAY_WEBHOOK_SCHEDULE", "0.05,0.05")
        patch.setenv("LINLI_GATEWAY_WEBHOOK_DEADLINE", "2")
        yield


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@dataclass
class Outside:
    """The gateway as its official sees it, with its worker's sender."""

    gateway: Running
    resources: Resources
    client: WebhookClient
    sender: Sender
    official: httpx.AsyncClient

    async def register(self, receiver: Receiver, agree: bool = True, **fields: Any) -> dict[str, Any]:
        """An endpoint, which has agreed."""
        wish = {"name": "returns", "url": receiver.url, "event_types": ["*"], "area": STREET} | fields
        answer = await self.official.post("/v1/webhook-endpoints", json=wish)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        if agree:
            await shake_due(self.resources, self.client, "linli.example")
            assert (await self.read(made["id"]))["state"] == "enabled"
        return made

    async def read(self, endpoint_id: str) -> dict[str, Any]:
        answer = await self.official.get(f"/v1/webhook-endpoints/{endpoint_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def deliveries(self, endpoint_id: str, **filters: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        params: dict[str, Any] = {"endpoint_id": endpoint_id, "limit": 200, **filters}
        while True:
            answer = await self.official.get("/v1/webhook-deliveries", params=params)
            assert answer.status_code == 200, answer.text
            found += answer.json()["items"]
            if answer.json()["next_cursor"] is None:
                return found
            params["cursor"] = answer.json()["next_cursor"]

    async def tell(self, *events: Event) -> None:
        async with self.gateway.worker.transaction() as db:
            for event in events:
                await tell_outsiders(db, event)

    async def send(self, seconds: float = 5, until_empty: bool = True) -> None:
        """Lets the sender work until nothing waits, or for so long."""
        await send_all(self, [self.sender], seconds, until_empty)

    async def waiting(self) -> int:
        async with self.gateway.worker.transaction() as db:
            query = (
                "SELECT count(*) FROM webhook_deliveries AS d JOIN webhook_endpoints AS e ON e.id = d.endpoint_id"
                " WHERE d.state = 'pending' AND e.state = 'enabled'"
            )
            return int((await db.execute(text(query))).scalar_one())


async def send_all(outside: Outside, senders: list[Sender], seconds: float, until_empty: bool = True) -> None:
    tasks = [asyncio.create_task(sender.run()) for sender in senders]
    try:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not (until_empty and await outside.waiting() == 0):
            await asyncio.sleep(0.02)
            for task in tasks:
                if task.done():
                    task.result()
        if until_empty:
            assert await outside.waiting() == 0
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def outside(environment: None) -> AsyncIterator[Outside]:
    async with running(SERVICE) as gateway:
        resources = replace(gateway.resources, db=gateway.worker)
        official = gateway.client(person(Grant("street_official", area=STREET)))
        async with client_of(resources.settings) as client:  # type: ignore[arg-type]
            async with gateway.worker.transaction() as db:
                for table in ("webhook_deliveries", "webhook_endpoints", "feed_events"):
                    await db.execute(text(f"DELETE FROM {table}"))
            yield Outside(gateway, resources, client, Sender(resources, client), official)


def event_of(topic: Topic, type: str, payload: Contract) -> Event:
    named = identity(payload)
    moment = now()
    return Event(new_id(), type, topic.name, named.id, named.version, moment, moment, "req-1", None, payload)


def a_round(
    id: UUID, version: int, type: str = "round.closed", area: str = COMMUNITY, store: UUID | None = None
) -> Event:
    payload = orders.RoundV1(
        id=id,
        version=version,
        area=area,
        purchase_id=new_id(),
        store_id=store or new_id(),
        state="closed",
        reason=None,
        cut_off_at=now(),
        late_entry_until=now(),
    )
    return event_of(orders.ROUND, type, payload)
