"""Registering, changing, replaying: what people and systems do with endpoints (feature G3)."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from standardwebhooks.webhooks import Webhook

from services.gateway.webhooks.deliveries import REPLAY_STEP, replay_step
from services.gateway.webhooks.handshakes import shake_due
from shared.auth import Grant
from shared.clock import now, to_wire
from shared.ids import new_id
from tests.integration.gateway.receivers import Receiver
from tests.integration.gateway.webhooks.conftest import COMMUNITY, STREET, Outside, a_round
from tests.integration.service import client_of, person

pytestmark = pytest.mark.feature("G3")


def wish(receiver: Receiver, **fields: Any) -> dict[str, Any]:
    return {"name": "returns", "url": receiver.url, "event_types": ["round.*"], "area": STREET} | fields


@pytest.mark.promise("WO14")
async def test_nothing_goes_out_without_consent(outside: Outside, receiver: Receiver) -> None:
    receiver.consent = None
    endpoint = await outside.register(receiver, agree=False)
    await shake_due(outside.resources, outside.client, "linli.example")
    await outside.tell(a_round(new_id(), 1))
    await outside.send(seconds=0.4, until_empty=False)
    found = await outside.read(endpoint["id"])
    assert (found["state"], found["handshake"]["error"]) == ("pending", "not_allowed")
    assert receiver.asked[0]["WebHook-Request-Origin"] == "linli.example"
    assert receiver.got == []
    receiver.consent = "linli.example"
    assert (await outside.official.post(f"/v1/webhook-endpoints/{endpoint['id']}/enable", json={})).status_code == 200
    await shake_due(outside.resources, outside.client, "linli.example")
    assert (await outside.read(endpoint["id"]))["state"] == "enabled"


@pytest.mark.promise("WO9")
async def test_rotation_signs_with_both_for_a_day(outside: Outside, receiver: Receiver) -> None:
    endpoint = await outside.register(receiver)
    path = f"/v1/webhook-endpoints/{endpoint['id']}/rotate-secret"
    rotated = (await outside.official.post(path, json={})).json()
    assert rotated["secret"] != endpoint["secret"]
    await outside.tell(a_round(new_id(), 1))
    await outside.send()
    for secret in (endpoint["secret"], rotated["secret"]):
        Webhook(secret).verify(receiver.got[0].body, receiver.got[0].headers)
    for _ in range(8):
        assert (await outside.official.post(path, json={})).status_code == 200
    answer = await outside.official.post(path, json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "limit_reached")
    async with outside.gateway.worker.transaction() as db:
        await db.execute(text("UPDATE signing_secrets SET expires_at = now() WHERE expires_at IS NOT NULL"))
    assert (await outside.official.post(path, json={})).status_code == 200


async def test_secrets_are_sealed_and_shown_only_to_who_makes_them(outside: Outside, receiver: Receiver) -> None:
    headers = {"Idempotency-Key": str(new_id())}
    first = await outside.official.post("/v1/webhook-endpoints", json=wish(receiver), headers=headers)
    again = await outside.official.post("/v1/webhook-endpoints", json=wish(receiver), headers=headers)
    assert first.json() == again.json()
    assert first.headers["Cache-Control"] == "no-store"
    assert "secret" not in await outside.read(first.json()["id"])
    async with outside.gateway.worker.transaction() as db:
        stored = (await db.execute(text("SELECT sealed FROM signing_secrets"))).scalars().all()
    assert all(first.json()["secret"].encode() not in bytes(one) for one in stored)


@pytest.mark.promise("WO11")
async def test_replay_of_a_span_has_no_cap_and_keeps_the_order(outside: Outside, receiver: Receiver) -> None:
    endpoint = await outside.register(receiver)
    entities = [new_id() for _ in range(800)]
    events = [a_round(id, version) for version in (1, 2, 3) for id in entities]
    assert len(events) > REPLAY_STEP
    begun = now() - timedelta(minutes=1)
    await outside.tell(*events)
    async with outside.gateway.worker.transaction() as db:
        await db.execute(text("UPDATE webhook_deliveries SET state = 'delivered', finished_at = now()"))
    answer = await outside.official.post(
        f"/v1/webhook-endpoints/{endpoint['id']}/replay", json={"from_at": to_wire(begun)}
    )
    assert answer.status_code == 202
    while True:
        async with outside.gateway.worker.transaction() as db:
            if not await replay_step(db):
                break
    operation = (await outside.official.get(answer.headers["Location"])).json()
    assert (operation["state"], operation["counts"]) == ("succeeded", {"queued": len(events)})
    await outside.send(seconds=30)
    came = [(got.event["data"]["id"], got.event["data"]["version"]) for got in receiver.got]
    assert sorted(came) == sorted((str(event.key), event.seq) for event in events)
    for id in (str(entities[0]), str(entities[-1])):
        assert [version for entity, version in came if entity == id] == [1, 2, 3]


@pytest.mark.promise("WO11")
async def test_what_was_missed_while_disabled_can_be_replayed(outside: Outside, receiver: Receiver) -> None:
    endpoint = await outside.register(receiver)
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    begun = to_wire(now() - timedelta(minutes=1))
    assert (await outside.official.post(f"{path}/disable", json={"reason_code": "moving"})).json()["reason"] == "moving"
    missed = a_round(new_id(), 1)
    await outside.tell(missed)
    refused = await outside.official.post(f"{path}/replay", json={"from_at": begun})
    assert refused.json()["code"] == "transition_not_allowed"
    await outside.official.post(f"{path}/enable", json={})
    await shake_due(outside.resources, outside.client, "linli.example")
    await outside.official.post(f"{path}/replay", json={"from_at": begun, "event_types": ["round.closed"]})
    async with outside.gateway.worker.transaction() as db:
        await replay_step(db)
    await outside.send()
    assert [got.headers["webhook-id"] for got in receiver.got] == [str(missed.id)]


async def test_one_delivery_again_with_the_same_id(outside: Outside, receiver: Receiver) -> None:
    endpoint = await outside.register(receiver)
    event = a_round(new_id(), 1)
    await outside.tell(event)
    await outside.send()
    (delivery,) = await outside.deliveries(endpoint["id"])
    answer = await outside.official.post(f"/v1/webhook-deliveries/{delivery['id']}/replay", json={})
    assert answer.status_code == 201
    assert answer.json()["event_id"] == delivery["event_id"]
    await outside.send()
    assert [got.headers["webhook-id"] for got in receiver.got] == [str(event.id)] * 2


async def test_ping(outside: Outside, receiver: Receiver) -> None:
    endpoint = await outside.register(receiver)
    answer = await outside.official.post(f"/v1/webhook-endpoints/{endpoint['id']}/ping", json={})
    assert answer.status_code == 200, answer.text
    await outside.send()
    assert receiver.got[0].event["type"] == "webhook_endpoint.ping"
    assert receiver.got[0].event["data"]["id"] == endpoint["id"]


async def test_another_url_must_agree_anew(outside: Outside, receiver: Receiver) -> None:
    endpoint = await outside.register(receiver)
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    version = (await outside.read(endpoint["id"]))["version"]
    match = {"If-Match": f'"{version}"'}
    renamed = await outside.official.patch(path, json={"name": "other"}, headers=match)
    assert (renamed.json()["state"], renamed.json()["name"]) == ("enabled", "other")
    stale = await outside.official.patch(path, json={"name": "third"}, headers=match)
    assert (stale.status_code, stale.json()["current_version"]) == (412, version + 1)
    moved = await outside.official.patch(
        path, json={"url": receiver.url + "?v=2"}, headers={"If-Match": f'"{version + 1}"'}
    )
    assert moved.json()["state"] == "pending"


async def test_delete_cancels_what_waits(outside: Outside, receiver: Receiver) -> None:
    endpoint = await outside.register(receiver)
    await outside.tell(a_round(new_id(), 1))
    version = (await outside.read(endpoint["id"]))["version"]
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    for _ in range(2):
        assert (await outside.official.delete(path, headers={"If-Match": f'"{version}"'})).status_code == 204
    assert [one["state"] for one in await outside.deliveries(endpoint["id"])] == ["cancelled"]
    await outside.send(seconds=0.3, until_empty=False)
    assert receiver.got == []


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"event_types": ["round.*", "person.created"]}, "/event_types/1", "unknown_value"),
        ({"url": "https://10.0.0.1/"}, "/url", "url_not_allowed"),
        ({"url": "http://example.com/"}, "/url", "url_not_allowed"),
        ({"areas": ["42.01.12.014"]}, "/areas/0", "outside"),
        ({"organization_id": str(new_id())}, "/area", "one_owner"),
        ({"area": None}, "/area", "one_owner"),
        ({"secret": "mine"}, "/secret", "unknown_field"),
        ({"event_types": []}, "/event_types", "too_short"),
    ],
)
async def test_bad_wishes(
    outside: Outside, receiver: Receiver, fields: dict[str, Any], pointer: str, code: str
) -> None:
    answer = await outside.official.post("/v1/webhook-endpoints", json=wish(receiver, **fields))
    assert answer.status_code == 422, answer.text
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [(pointer, code)]


async def test_client_ids(outside: Outside, receiver: Receiver) -> None:
    body = wish(receiver, id=str(new_id()))
    first = await outside.official.post("/v1/webhook-endpoints", json=body)
    again = await outside.official.post("/v1/webhook-endpoints", json=body)
    other = await outside.official.post("/v1/webhook-endpoints", json=body | {"name": "else"})
    assert (first.status_code, again.json()["version"]) == (201, 1)
    assert again.json()["id"] == first.json()["id"]
    assert (other.status_code, other.json()["code"]) == (409, "id_conflict")


@pytest.mark.promise("AZ1")
async def test_who_sees_what(outside: Outside, receiver: Receiver) -> None:
    endpoint = await outside.register(receiver)
    await outside.tell(a_round(new_id(), 1))
    (delivery,) = await outside.deliveries(endpoint["id"])
    foreign = outside.gateway.client(person(Grant("street_official", area="42.01.12.014")))
    below = outside.gateway.client(person(Grant("street_official", area=COMMUNITY)))
    for client in (foreign, below):
        for path in (f"/v1/webhook-endpoints/{endpoint['id']}", f"/v1/webhook-deliveries/{delivery['id']}"):
            assert (await client.get(path)).status_code == 404
        assert (await client.get("/v1/webhook-deliveries")).json()["items"] == []
        disabled = await client.post(f"/v1/webhook-endpoints/{endpoint['id']}/disable", json={})
        assert disabled.status_code == 404
    resident = outside.gateway.client(person())
    assert (await resident.get("/v1/webhook-endpoints")).status_code == 403
    refused = await outside.gateway.client(person(Grant("street_official", area="42.01.12.014"))).post(
        "/v1/webhook-endpoints", json=wish(receiver)
    )
    assert refused.status_code == 403
    reader = client_of(Grant("receiver", area=STREET), scopes=frozenset({"webhook_deliveries.read"}))
    assert len((await outside.gateway.client(reader).get("/v1/webhook-deliveries")).json()["items"]) == 1
    assert (await outside.gateway.client(reader).post("/v1/webhook-endpoints", json=wish(receiver))).status_code == 403


async def test_every_change_is_an_event(outside: Outside, receiver: Receiver) -> None:
    endpoint = await outside.register(receiver)
    path = f"/v1/webhook-endpoints/{endpoint['id']}"
    for verb in ("disable", "disable", "enable", "enable"):
        assert (await outside.official.post(f"{path}/{verb}", json={})).status_code == 200
    async with outside.gateway.worker.transaction() as db:
        query = text("SELECT type, seq FROM outbox WHERE key = :id ORDER BY id")
        events = (await db.execute(query, {"id": endpoint["id"]})).all()
    assert [tuple(row) for row in events] == [
        ("webhook_endpoint.created", 1),
        ("webhook_endpoint.enabled", 2),
        ("webhook_endpoint.disabled", 3),
        ("webhook_endpoint.updated", 4),
    ]
