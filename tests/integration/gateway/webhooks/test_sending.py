"""What a receiver gets: everything that concerns it, signed, in order, and again when it failed (feature G3)."""

import asyncio
import random
from collections import defaultdict
from dataclasses import replace
from uuid import UUID

import pytest
from aiohttp import web
from sqlalchemy import text
from standardwebhooks.webhooks import Webhook

from services.gateway.webhooks.deliveries import tell_outsiders
from services.gateway.webhooks.handshakes import shake_due
from services.gateway.webhooks.sender import Sender, client_of
from shared.auth import Grant, Principal
from shared.ids import new_id
from tests.integration.gateway.receivers import Received, Receiver, receiving
from tests.integration.gateway.webhooks.conftest import COMMUNITY, Outside, a_round, send_all
from tests.integration.service import person

pytestmark = pytest.mark.feature("G3")


@pytest.mark.promise("WO2")
async def test_a_thin_event_is_delivered_signed(outside: Outside, receiver: Receiver) -> None:
    endpoint = await outside.register(receiver)
    event = a_round(new_id(), 8)
    await outside.tell(event)
    await outside.send()
    (got,) = receiver.got
    assert Webhook(endpoint["secret"]).verify(got.body, got.headers) == got.event
    assert got.headers["webhook-id"] == str(event.id)
    assert set(got.event) == {"id", "type", "timestamp", "recorded_at", "data"}
    assert got.event["data"] == {
        "id": str(event.key),
        "version": 8,
        "area": COMMUNITY,
        "url": f"/v1/rounds/{event.key}",
        "request_id": "req-1",
    }


async def test_only_what_was_asked_for_and_concerns_it(outside: Outside) -> None:
    store = new_id()
    manager = outside.gateway.client(store_manager(store))
    async with receiving() as all_of_street, receiving() as other_street, receiving() as at_store, receiving() as few:
        await outside.register(all_of_street)
        await outside.register(few, event_types=["round.opened", "parcel.*"])
        far = outside.gateway.client(official_of("42.01.12.014"))
        for client, receiver, owner in (
            (far, other_street, {"area": "42.01.12.014"}),
            (manager, at_store, {"organization_id": str(store)}),
        ):
            wish = {"name": "x", "url": receiver.url, "event_types": ["round.*"]} | owner
            assert (await client.post("/v1/webhook-endpoints", json=wish)).status_code == 201
        await shake_due(outside.resources, outside.client, "linli.example")
        one, two = a_round(new_id(), 1, store=store), a_round(new_id(), 1, "round.opened")
        await outside.tell(one, two)
        await outside.send()
        ids = [[r.headers["webhook-id"] for r in x.got] for x in (all_of_street, few, at_store, other_street)]
    assert sorted(ids[0]) == sorted([str(one.id), str(two.id)])
    assert ids[1:] == [[str(two.id)], [str(one.id)], []]


@pytest.mark.promise("WO1")
async def test_event_and_deliveries_leave_together_or_not_at_all(outside: Outside, receiver: Receiver) -> None:
    endpoint = await outside.register(receiver)
    event = a_round(new_id(), 1)

    async def die_before_commit() -> None:
        async with outside.gateway.worker.transaction() as db:
            await tell_outsiders(db, event)
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        await die_before_commit()
    assert await outside.deliveries(endpoint["id"]) == []
    await outside.tell(event)
    assert len(await outside.deliveries(endpoint["id"])) == 1


@pytest.mark.promise("WO8")
async def test_no_overtaking_whatever_fails(outside: Outside, receiver: Receiver) -> None:
    await outside.register(receiver)
    dice = random.Random(7)
    seen: dict[str, list[int]] = defaultdict(list)

    def sometimes(got: Received) -> web.Response:
        if dice.random() < 0.2:
            return web.Response(status=500)
        seen[got.event["data"]["id"]].append(got.event["data"]["version"])
        return web.Response(status=204)

    receiver.answer = sometimes
    entities = [new_id() for _ in range(30)]
    await outside.tell(*(a_round(id, version) for version in range(1, 7) for id in entities))
    await forget_breaker(outside, seconds=20)
    assert set(seen) == {str(id) for id in entities}
    assert all(versions == sorted(versions) for versions in seen.values())


@pytest.mark.promise("WO8")
async def test_after_the_last_attempt_the_entity_goes_on_and_names_the_gap(
    outside: Outside, receiver: Receiver
) -> None:
    endpoint = await outside.register(receiver)
    id = new_id()
    lost, next, after = a_round(id, 1), a_round(id, 2), a_round(id, 3)
    refused = {str(lost.id)}
    receiver.answer = lambda got: web.Response(status=500 if got.headers["webhook-id"] in refused else 200)
    await outside.tell(lost, next, after)
    await outside.send()
    came = [got.headers["webhook-id"] for got in receiver.got]
    assert came == [str(lost.id)] * 3 + [str(next.id), str(after.id)]
    assert [got.headers["linli-attempt"] for got in receiver.got] == ["1", "2", "3", "1", "1"]
    assert [got.headers.get("linli-skipped") for got in receiver.got][3:] == [str(lost.id), None]
    (failed,) = await outside.deliveries(endpoint["id"], state="failed")
    detail = (await outside.official.get(f"/v1/webhook-deliveries/{failed['id']}")).json()
    assert [(one["number"], one["status"], one["error"]) for one in detail["attempt_log"]] == [
        (1, 500, "status"),
        (2, 500, "status"),
        (3, 500, "status"),
    ]
    assert detail["event"]["id"] == str(lost.id)
    stamps = {got.headers["webhook-timestamp"] for got in receiver.got}
    assert stamps  # fresh per attempt; the same second is possible


@pytest.mark.promise("WO6")
async def test_410_disables_at_once(outside: Outside, receiver: Receiver) -> None:
    endpoint = await outside.register(receiver)
    receiver.answer = lambda _: web.Response(status=410)
    id = new_id()
    await outside.tell(*(a_round(id, version) for version in range(1, 5)))
    await outside.send(seconds=0.8, until_empty=False)
    assert len(receiver.got) == 1
    now_it_is = await outside.read(endpoint["id"])
    assert (now_it_is["state"], now_it_is["reason"]) == ("disabled", "gone")
    receiver.answer = lambda _: web.Response(status=200)
    answer = await outside.official.post(f"/v1/webhook-endpoints/{endpoint['id']}/enable", json={})
    assert answer.json()["state"] == "pending"
    await shake_due(outside.resources, outside.client, "linli.example")
    await outside.send()
    assert [got.event["data"]["version"] for got in receiver.got] == [1, 1, 2, 3, 4]


@pytest.mark.promise("WO7")
async def test_a_hung_endpoint_delays_no_other(outside: Outside, receiver: Receiver) -> None:
    await outside.register(receiver)
    async with receiving() as hung:

        async def hang(_: Received) -> web.StreamResponse:
            await asyncio.sleep(30)
            return web.Response()

        hung.answer = hang
        await outside.register(hung)
        await outside.tell(*(a_round(new_id(), 1) for _ in range(100)))
        await outside.send(seconds=1.5, until_empty=False)
        assert len(receiver.got) == 100
        assert len(hung.got) <= 32


@pytest.mark.promise("WO7")
async def test_the_breaker_opens_and_tries_the_ground_with_one(outside: Outside, receiver: Receiver) -> None:
    endpoint = await outside.register(receiver)
    receiver.answer = lambda _: web.Response(status=500)
    await outside.tell(*(a_round(new_id(), 1) for _ in range(60)))
    await outside.send(seconds=0.8, until_empty=False)
    before = len(receiver.got)
    assert before <= 32
    health = (await outside.read(endpoint["id"]))["health"]
    assert health["failures"] == 5
    assert health["paused_until"] is not None
    await outside.send(seconds=1.0, until_empty=False)
    assert len(receiver.got) - before == 1


async def test_two_workers_send_nothing_twice(outside: Outside, receiver: Receiver) -> None:
    await outside.register(receiver)
    other = replace(outside.resources)
    await outside.tell(*(a_round(new_id(), version) for version in (1, 2) for _ in range(100)))
    async with client_of(outside.resources.settings) as client:  # type: ignore[arg-type]
        await send_all(outside, [outside.sender, Sender(other, client)], seconds=10)
    ids = [got.headers["webhook-id"] for got in receiver.got]
    assert len(ids) == len(set(ids)) == 200


async def test_a_dead_worker_s_deliveries_are_sent_again(outside: Outside, receiver: Receiver) -> None:
    await outside.register(receiver)
    event = a_round(new_id(), 1)
    await outside.tell(event)
    assert await outside.sender.turn() == 1  # claimed, then the worker is gone
    for task in list(outside.sender._under_way):
        task.cancel()
    survivor = Sender(outside.resources, outside.client)
    await send_all(outside, [survivor], seconds=0.3, until_empty=False)
    assert receiver.got == []
    async with outside.gateway.worker.transaction() as db:
        await db.execute(text("UPDATE webhook_deliveries SET leased_until = now() - interval '1 second'"))
    await send_all(outside, [survivor], seconds=5)
    assert [got.headers["webhook-id"] for got in receiver.got] == [str(event.id)]


async def forget_breaker(outside: Outside, seconds: float) -> None:
    """Sends while the test lets no breaker open (its receiver fails at random)."""

    async def keep_closed() -> None:
        while True:
            async with outside.gateway.worker.transaction() as db:
                await db.execute(text("UPDATE webhook_endpoints SET failures = 0, paused_until = NULL"))
            await asyncio.sleep(0.05)

    keeper = asyncio.create_task(keep_closed())
    try:
        await outside.send(seconds)
    finally:
        keeper.cancel()


def official_of(area: str) -> Principal:
    return person(Grant("street_official", area=area))


def store_manager(organization_id: UUID) -> Principal:
    return person(Grant("store_manager", organization_id=organization_id))
