"""An order happens once per Idempotency-Key and once per client id, however often it is sent."""

import asyncio

import pytest

from shared.ids import new_id
from tests.integration.orders.street import Street


@pytest.mark.feature("O4")
async def test_fifty_equal_requests_with_one_key_make_one_order(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1)
    client = street.as_(home.resident)
    body, key = street.wish(round, home, rice=1), {"Idempotency-Key": str(new_id())}
    answers = await asyncio.gather(*(client.post("/v1/orders", json=body, headers=key) for _ in range(50)))
    created = [a for a in answers if a.status_code == 201]
    assert {a.json()["id"] for a in created} == {created[0].json()["id"]}
    assert sum("Idempotency-Replayed" not in a.headers for a in created) == 1
    refused = [a for a in answers if a.status_code != 201]
    assert {a.json()["code"] for a in refused} <= {"in_progress"}
    assert await street.value("SELECT count(*) FROM orders WHERE household_id = :id", id=home.id) == 1


@pytest.mark.feature("G7")
async def test_a_replay_renders_the_present_order(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1)
    client = street.as_(home.resident)
    body, key = street.wish(round, home, rice=1), {"Idempotency-Key": '"my-own-key"'}
    order = await street.ok(client.post, "/v1/orders", body, headers=key)
    await street.ok(client.post, f"/v1/orders/{order['id']}/cancel", {})
    again = await client.post("/v1/orders", json=body, headers={"Idempotency-Key": "my-own-key"})
    assert again.status_code == 201
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.json()["id"], again.json()["state"]) == (order["id"], "cancelled")


@pytest.mark.feature("G7")
async def test_the_same_key_with_another_body_is_refused(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1)
    client, key = street.as_(home.resident), {"Idempotency-Key": str(new_id())}
    await street.ok(client.post, "/v1/orders", street.wish(round, home, rice=1), headers=key)
    answer = await client.post("/v1/orders", json=street.wish(round, home, rice=2), headers=key)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


async def test_white_space_and_order_of_fields_do_not_matter(street: Street) -> None:
    import json

    round = await street.open_round()
    [home] = await street.homes(1)
    client, key = street.as_(home.resident), {"Idempotency-Key": str(new_id())}
    body = street.wish(round, home, rice=1)
    await street.ok(client.post, "/v1/orders", body, headers=key)
    other = json.dumps(dict(reversed(body.items())), indent=3)
    answer = await client.post("/v1/orders", content=other, headers=key | {"Content-Type": "application/json"})
    assert answer.headers["Idempotency-Replayed"] == "true"


async def test_a_refused_order_is_judged_anew(street: Street) -> None:
    purchase = await street.purchase({"rice": 1})
    round = await street.open_round(purchase)
    first, second = await street.homes(2)
    order = await street.order(round, first, rice=1)
    client, key = street.as_(second.resident), {"Idempotency-Key": str(new_id())}
    body = street.wish(round, second, rice=1)
    assert (await client.post("/v1/orders", json=body, headers=key)).status_code == 409
    await street.ok(street.as_(first.resident).post, f"/v1/orders/{order['id']}/cancel", {})
    assert (await client.post("/v1/orders", json=body, headers=key)).status_code == 201


async def test_the_key_is_needed_and_has_a_length(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1)
    client = street.orders.client(home.resident, {"Idempotency-Key": "short"})
    answer = await client.post("/v1/orders", json=street.wish(round, home, rice=1))
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")
    client.event_hooks = {}
    del client.headers["Idempotency-Key"]
    answer = await client.post("/v1/orders", json=street.wish(round, home, rice=1))
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


@pytest.mark.feature("O4")
async def test_a_clients_id_is_one_order(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1)
    client = street.as_(home.resident)
    body = street.wish(round, home, rice=1) | {"id": str(new_id())}
    order = await street.ok(client.post, "/v1/orders", body)
    assert order["id"] == body["id"]
    again = await client.post("/v1/orders", json=body)
    assert (again.status_code, again.json()["id"]) == (200, body["id"])
    other = await client.post("/v1/orders", json=body | {"lines": street.wish(round, home, pork=1)["lines"]})
    assert (other.status_code, other.json()["code"]) == (409, "id_conflict")


async def test_one_client_id_at_once_is_one_order(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1)
    client = street.as_(home.resident)
    body = street.wish(round, home, rice=1) | {"id": str(new_id())}
    answers = await asyncio.gather(*(client.post("/v1/orders", json=body) for _ in range(8)))
    assert sorted(a.status_code for a in answers) == [200] * 7 + [201]
    assert await street.value("SELECT count(*) FROM orders WHERE household_id = :id", id=home.id) == 1
