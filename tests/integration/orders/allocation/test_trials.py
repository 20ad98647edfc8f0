"""A trial changes nothing; it can be made to count before it happens by itself, and then counts once."""

from typing import Any
from uuid import UUID

import pytest

from shared.ids import new_id
from tests.integration.orders.delivery import Delivery
from tests.integration.orders.street import Street

pytestmark = pytest.mark.feature("O8")


async def test_a_trial_with_figures_of_ones_own_changes_nothing(street: Street) -> None:
    delivery, orders = await _sent(street)
    trial = await _try(street, delivery, supplies=[{"item_id": str(street.items["cabbage"]), "qty": 4}])
    assert trial["state"] == "proposed"
    assert [supply["supply"] for supply in trial["supplies"]] == [4]
    lines = await street.ok(street.worker().get, f"/v1/allocations/{trial['id']}/lines")
    assert sorted(line["allocated"] for line in lines["items"]) == [2, 2]
    assert (await delivery.line(orders[0], "cabbage"))["allocated"] is None
    assert not await street.rows("SELECT 1 FROM shortages WHERE purchase_id = :id", id=UUID(delivery.id))


async def test_a_trial_is_made_once_under_its_own_id(street: Street) -> None:
    delivery, _ = await _sent(street)
    body = {"id": str(new_id()), "purchase_id": delivery.id, "reason": "confirmed_short"}
    body["supplies"] = [{"item_id": str(street.items["cabbage"]), "qty": 4}]  # type: ignore[assignment]
    client = street.as_(street.official)
    assert (await client.post("/v1/allocations", json=body)).status_code == 201
    again = await client.post("/v1/allocations", json=body)
    assert (again.status_code, again.json()["id"]) == (200, body["id"])
    other = await client.post("/v1/allocations", json=body | {"reason": "received_short"})
    assert other.json()["code"] == "id_conflict"


async def test_a_trial_of_an_unknown_purchase_is_refused_at_the_field(street: Street) -> None:
    client = street.as_(street.official)
    body = {"purchase_id": "01900000-0000-7000-8000-000000000000", "reason": "confirmed_short"}
    answer = await client.post("/v1/allocations", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/purchase_id"


async def test_a_trial_can_be_made_to_count_and_then_nothing_happens_twice(street: Street) -> None:
    delivery, orders = await _sent(street)
    await _confirm_without_worker(street, delivery, cabbage=3)
    trial = await _try(street, delivery)
    client = street.as_(street.official)
    applied = await street.ok(client.post, f"/v1/allocations/{trial['id']}/apply", {})
    assert (applied["state"], applied["applied_by"]) == ("applied", str(street.official.id))
    await street.orders.run_timers()
    assert sum([(await delivery.line(order, "cabbage"))["allocated"] for order in orders]) == 3
    told = await street.rows("SELECT 1 FROM shortages WHERE purchase_id = :id", id=UUID(delivery.id))
    assert len(told) == 2
    assert (await street.ok(client.post, f"/v1/allocations/{trial['id']}/apply", {}))["version"] == applied["version"]


async def test_a_trial_does_not_count_beside_another_run(street: Street) -> None:
    delivery, _ = await _sent(street)
    await _confirm_without_worker(street, delivery, cabbage=3)
    trial = await _try(street, delivery)
    await street.orders.run_timers()
    answer = await street.as_(street.official).post(f"/v1/allocations/{trial['id']}/apply", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate")


async def test_a_trial_whose_figures_have_changed_does_not_count(street: Street) -> None:
    delivery, _ = await _sent(street)
    trial = await _try(street, delivery, supplies=[{"item_id": str(street.items["cabbage"]), "qty": 2}])
    await _confirm_without_worker(street, delivery, cabbage=3)
    answer = await street.as_(street.official).post(f"/v1/allocations/{trial['id']}/apply", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate")


async def test_a_community_worker_cannot_share_out_for_the_whole_purchase(street: Street) -> None:
    delivery, _ = await _sent(street)
    body = {"purchase_id": delivery.id, "reason": "confirmed_short"}
    answer = await street.worker().post("/v1/allocations", json=body)
    assert answer.status_code == 403


async def _sent(street: Street) -> tuple[Delivery, list[dict[str, Any]]]:
    delivery = await Delivery.opened(street)
    orders = [await delivery.order(home, cabbage=3) for home in await street.homes(2)]
    await delivery.sent()
    return delivery, orders


async def _try(street: Street, delivery: Delivery, **more: Any) -> dict[str, Any]:
    body = {"purchase_id": delivery.id, "reason": "confirmed_short"} | more
    return await street.ok(street.as_(street.official).post, "/v1/allocations", body)


async def _confirm_without_worker(street: Street, delivery: Delivery, cabbage: int) -> None:
    lines = [{"item_id": str(street.items["cabbage"]), "confirmed_qty": cabbage}]
    store = street.as_(street.manager)
    await street.ok(store.post, f"/v1/purchases/{delivery.id}/confirm", {"lines": lines})
