"""A household is told once, by the way it wished, and nobody else reads it (feature G14)."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from sqlalchemy import text

from services.gateway.notifications import domain, use_cases
from services.gateway.notifications.sender import send_due
from services.gateway.service import SERVICE
from shared.auth import Grant
from shared.bus.copies import copy_into
from shared.clock import now
from shared.contracts import orders, registry
from shared.contracts.base import Contract, Event, Topic, identity
from shared.ids import new_id
from shared.service import Resources
from tests.engines import SharedEngines
from tests.integration.gateway.stubs import Upstreams, serving
from tests.integration.service import Running, person, provisioned, running

pytestmark = pytest.mark.feature("G14")
COMMUNITY = "42.01.12.013.001"
HOUSE = f"{COMMUNITY}.c01.b08.e1"


@pytest.fixture(scope="module")
def environment(engines: SharedEngines) -> Iterator[None]:
    with provisioned("gateway", engines):
        yield


@dataclass
class Town:
    """The gateway, its worker, registry's telephones, and the file that stands for the network."""

    gateway: Running
    resources: Resources
    registry: Upstreams
    outbox: Path
    phones: dict[UUID, str] = field(default_factory=dict)

    async def household(self, notify: str, *people: UUID, **fields: Any) -> UUID:
        id = fields.pop("id", None) or new_id()
        state = registry.HouseholdV1(
            id=id,
            version=fields.pop("version", 1),
            area=HOUSE,
            priority_class=0,
            claims=[registry.ClaimV1(person_id=one, state="confirmed") for one in people],
            consents=[],
            notify=notify,
            merged_into=fields.pop("merged_into", None),
            state="active",
        )
        async with self.gateway.worker.transaction() as db:
            await copy_into("household_copies")(db, [event_of(registry.HOUSEHOLD, "household.created", state)])
        return id

    async def shortage(self, household_id: UUID, purchase_id: UUID | None = None, zh: str = "少一份") -> None:
        payload = orders.ShortageV1(
            id=new_id(),
            version=1,
            area=HOUSE,
            household_id=household_id,
            purchase_id=purchase_id or new_id(),
            order_id=new_id(),
            reason="confirmed_short",
            zh=zh,
            en="one less",
        )
        async with self.gateway.worker.transaction() as db:
            await use_cases.on_shortage(db, event_of(orders.SHORTAGE, "shortage.decided", payload))

    async def told(self, who: UUID | None = None, **filters: Any) -> list[dict[str, Any]]:
        reader = person(id=who) if who else person(Grant("community_worker", area=COMMUNITY))
        answer = await self.gateway.client(reader).get("/v1/notifications", params={"limit": 200, **filters})
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def messages(self) -> list[dict[str, Any]]:
        lines = self.outbox.read_text().splitlines() if self.outbox.exists() else []
        return [json.loads(line) for line in lines]


@pytest.fixture
async def town(environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    monkeypatch.setenv("LINLI_GATEWAY_SMS_OUTBOX", str(tmp_path / "sms.jsonl"))
    async with serving() as stub:
        monkeypatch.setenv("LINLI_GATEWAY_REGISTRY_URL", stub.url)
        async with running(SERVICE) as gateway:
            made = Town(gateway, replace(gateway.resources, db=gateway.worker), stub, tmp_path / "sms.jsonl")
            async with gateway.worker.transaction() as db:
                await db.execute(text("DELETE FROM notifications"))
                await db.execute(text("DELETE FROM household_copies"))

            async def contacts(request: web.Request) -> web.StreamResponse:
                wanted = [UUID(id) for id in (await request.json())["household_ids"]]
                rows = [{"household_id": str(id), "phone": made.phones.get(id)} for id in wanted]
                return web.json_response({"rows": rows})

            stub.handler = contacts
            yield made


async def test_the_same_twice_is_told_once(town: Town) -> None:
    resident, purchase = new_id(), new_id()
    home = await town.household("inbox", resident)
    for _ in range(3):
        await town.shortage(home, purchase)
    await town.shortage(home)
    items = await town.told(resident)
    assert len(items) == 2
    assert {(one["state"], one["channel"]) for one in items} == {("delivered", "inbox")}
    assert items[0]["text"] == {"zh": "缺货说明: 少一份", "en": "About your order: one less"}


@pytest.mark.promise("AZ1")
async def test_only_the_household_and_its_workers_read_it(town: Town) -> None:
    resident, neighbor = new_id(), new_id()
    home = await town.household("inbox", resident)
    await town.household("inbox", neighbor)
    await town.shortage(home)
    ((item,), others, workers) = await town.told(resident), await town.told(neighbor), await town.told()
    assert others == []
    assert [one["id"] for one in workers] == [item["id"]]
    assert (await town.gateway.client(person(id=neighbor)).get(f"/v1/notifications/{item['id']}")).status_code == 404
    assert (await town.gateway.client(person(id=resident)).get(f"/v1/notifications/{item['id']}")).status_code == 200
    elsewhere = person(Grant("community_worker", area="42.01.12.013.002"))
    assert (await town.gateway.client(elsewhere).get("/v1/notifications")).json()["items"] == []
    storekeeper = person(Grant("store_manager", area=COMMUNITY))
    assert (await town.gateway.client(storekeeper).get("/v1/notifications")).json()["items"] == []


async def test_an_unconfirmed_claim_reads_nothing(town: Town) -> None:
    stranger = new_id()
    home = await town.household("inbox")
    async with town.gateway.worker.transaction() as db:
        await db.execute(
            text("UPDATE household_copies SET payload = jsonb_set(payload, '{claims}', CAST(:claims AS jsonb))"),
            {"claims": json.dumps([{"person_id": str(stranger), "state": "proposed"}])},
        )
    await town.shortage(home)
    assert await town.told(stranger) == []


async def test_by_sms_with_the_telephone_from_registry_and_kept_nowhere(town: Town) -> None:
    homes = [await town.household("sms") for _ in range(5)]
    town.phones = {home: f"+861380000000{index}" for index, home in enumerate(homes)}
    for home in homes:
        await town.shortage(home)
    assert await send_due(town.resources) == 5
    assert await send_due(town.resources) == 0
    assert sorted(one["to"] for one in town.messages()) == sorted(town.phones.values())
    assert {one["text"] for one in town.messages()} == {"【邻里】缺货说明: 少一份"}
    assert {one["state"] for one in await town.told()} == {"sent"}
    (request,) = town.registry.calls
    assert request.path == "/v1/households/contacts"
    async with town.gateway.worker.transaction() as db:
        for table in ("notifications", "outbox", "household_copies"):
            stored = (await db.execute(text(f"SELECT t::text FROM {table} AS t"))).scalars().all()
            assert not any("1380000000" in one for one in stored)


async def test_registry_away_means_later_and_no_telephone_means_a_slip(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domain, "RETRY_DELAYS", (3600,))
    home = await town.household("sms")
    await town.shortage(home)
    answers = town.registry.handler

    async def broken(_: web.Request) -> web.StreamResponse:
        return web.json_response({}, status=503)

    town.registry.handler = broken
    assert await send_due(town.resources) == 1
    assert [one["state"] for one in await town.told()] == ["queued"]
    assert await send_due(town.resources) == 0
    town.registry.handler = answers
    async with town.gateway.worker.transaction() as db:
        await db.execute(text("UPDATE notifications SET next_attempt_at = now() - interval '1 s'"))
    assert await send_due(town.resources) == 1
    assert [(one["state"], one["channel"]) for one in await town.told()] == [("listed", "slip")]
    assert town.messages() == []


async def test_calls_and_slips_are_listed_for_workers(town: Town) -> None:
    for notify in ("call", "slip"):
        await town.shortage(await town.household(notify))
    assert await send_due(town.resources) == 0
    assert [one["state"] for one in await town.told(channel="call")] == ["listed"]
    assert len(await town.told(channel=["call", "slip"])) == 2


async def test_a_household_that_comes_later_is_told_then(town: Town) -> None:
    resident, home = new_id(), new_id()
    await town.shortage(home)
    await send_due(town.resources)
    assert [one["state"] for one in await town.told()] == ["waiting"]
    await town.household("inbox", resident, id=home)
    await send_due(town.resources)
    assert [one["state"] for one in await town.told(resident)] == ["delivered"]
    await town.shortage(new_id())
    async with town.gateway.worker.transaction() as db:
        await db.execute(text("UPDATE notifications SET created_at = now() - interval '1 hour'"))
    await send_due(town.resources)
    assert len(await town.told(channel="slip")) == 1


async def test_a_merged_household_is_told_through_its_heir(town: Town) -> None:
    resident = new_id()
    heir = await town.household("inbox", resident)
    old = await town.household("call", merged_into=heir)
    await town.shortage(old)
    assert [one["household_id"] for one in await town.told(resident)] == [str(heir)]


async def test_a_cancelled_order_unless_the_household_wished_it(town: Town) -> None:
    resident = new_id()
    home = await town.household("inbox", resident)
    async with town.gateway.worker.transaction() as db:
        for reason in ("minimum_missed", "household_request"):
            await use_cases.on_order_cancelled(db, event_of(orders.ORDER, "order.cancelled", an_order(home, reason)))
    ((only,)) = await town.told(resident)
    assert (only["kind"], "未达到起送量" in only["text"]["zh"]) == ("order_cancelled", True)


def an_order(household_id: UUID, reason: str) -> orders.OrderV1:
    return orders.OrderV1(
        id=new_id(),
        version=3,
        area=HOUSE,
        code="10234",
        round_id=new_id(),
        purchase_id=new_id(),
        household_id=household_id,
        channel="app",
        state="cancelled",
        reason=reason,
        handover="gate",
        lines=[],
        owed_fen=0,
    )


def event_of(topic: Topic, type: str, payload: Contract) -> Event:
    named = identity(payload)
    body = payload.to_json().decode()
    return Event(new_id(), type, topic.name, named.id, named.version, now(), now(), "req-1", None, payload, body)
