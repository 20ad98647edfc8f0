"""From the truck to the household at the gate: packing, numbers, calling, hand-over, coming back."""

import asyncio
import io
from typing import Any

import pytest
from pypdf import PdfReader

from tests.integration.orders.delivery import Delivery
from tests.integration.orders.street import Home, Street, money

pytestmark = pytest.mark.feature("O10")


async def arrived(street: Street, households: int = 3) -> tuple[Delivery, list[dict[str, Any]], list[Home]]:
    """Bags that were received for some households that ordered two rice each."""
    delivery = await Delivery.opened(street)
    homes = await street.homes(households)
    orders = [await delivery.order(home, 0, "refund", None, rice=2) for home in homes]
    await delivery.sent()
    await delivery.confirmed()
    await delivery.received(0)
    bags = []
    for order in orders:
        page = await street.ok(street.worker().get, f"/v1/parcels?order_id={order['id']}")
        bags.append(page["items"][0])
    return delivery, bags, homes


async def at_gate(street: Street, bag: dict[str, Any]) -> dict[str, Any]:
    await street.ok(street.worker().post, f"/v1/parcels/{bag['id']}/pack", {"bags": 2})
    return await street.ok(street.worker().post, f"/v1/parcels/{bag['id']}/stage", {})


async def test_a_bag_goes_all_the_way_and_its_order_is_fulfilled(street: Street) -> None:
    _, [bag], [home] = await arrived(street, 1)
    staged = await at_gate(street, bag)
    assert (staged["state"], staged["gate_number"], staged["bags"]) == ("at_gate", 1, 2)
    slot = await street.ok(street.worker().post, "/v1/gate-slots", {"round_id": bag["round_id"]})
    assert (slot["numbers"], slot["waiting"]) == ([1], [1])
    done = await street.ok(street.worker().post, f"/v1/parcels/{bag['id']}/hand-over", {})
    assert [line["handed_over"] for line in done["lines"]] == [2]
    order = await street.ok(street.as_(home.resident).get, f"/v1/orders/{bag['order_id']}")
    assert order["state"] == "fulfilled"
    kinds = [kind for kind, _ in await street.events(bag["id"])]
    assert kinds[-4:] == ["parcel.packed", "parcel.staged", "parcel.called", "parcel.collected"]


async def test_every_step_twice_happens_once(street: Street) -> None:
    _, [bag], _ = await arrived(street, 1)
    first = await at_gate(street, bag)
    again = await street.worker().post(f"/v1/parcels/{bag['id']}/pack", json={})
    assert again.json()["code"] == "transition_not_allowed"
    second = await street.ok(street.worker().post, f"/v1/parcels/{bag['id']}/stage", {})
    assert (second["version"], second["gate_number"]) == (first["version"], first["gate_number"])
    for _ in range(2):
        done = await street.ok(street.worker().post, f"/v1/parcels/{bag['id']}/hand-over", {})
    assert [kind for kind, _ in await street.events(bag["id"])].count("parcel.collected") == 1
    assert done["state"] == "collected_at_gate"


async def test_numbers_given_at_once_are_all_different(street: Street) -> None:
    _, bags, _ = await arrived(street, 8)
    for bag in bags:
        await street.ok(street.worker().post, f"/v1/parcels/{bag['id']}/pack", {"bags": 1})
    staged = await asyncio.gather(
        *(street.ok(street.worker().post, f"/v1/parcels/{bag['id']}/stage", {}) for bag in bags)
    )
    assert sorted(bag["gate_number"] for bag in staged) == list(range(1, 9))


async def test_five_are_called_and_who_does_not_come_waits_at_the_end(street: Street) -> None:
    _, bags, _ = await arrived(street, 7)
    staged = {(await at_gate(street, bag))["gate_number"]: bag for bag in bags}
    wish = {"round_id": bags[0]["round_id"]}
    first = await street.ok(street.worker().post, "/v1/gate-slots", wish)
    assert first["numbers"] == [1, 2, 3, 4, 5]
    for number in (1, 2, 4, 5):
        await street.ok(street.worker().post, f"/v1/parcels/{staged[number]['id']}/hand-over", {})
    back = await street.ok(street.worker().post, f"/v1/gate-slots/{first['id']}/requeue", {})
    assert back["waiting"] == [3]
    second = await street.ok(street.worker().post, "/v1/gate-slots", wish)
    assert second["numbers"] == [6, 7, 3]
    for number in second["numbers"]:
        await street.ok(street.worker().post, f"/v1/parcels/{staged[number]['id']}/hand-over", {})
    nobody = await street.worker().post("/v1/gate-slots", json=wish)
    assert (nobody.status_code, nobody.json()["code"]) == (409, "limit_reached")


async def test_what_was_picked_short_is_refunded_and_leaves_a_trace(street: Street) -> None:
    _, [bag], _ = await arrived(street, 1)
    line = (await street.ok(street.worker().get, f"/v1/parcels/{bag['id']}"))["lines"][0]
    body = {"lines": [{"line_id": line["line_id"], "picked": 1}]}
    packed = await street.ok(street.worker().post, f"/v1/parcels/{bag['id']}/pack", body)
    assert (packed["lines"][0]["allocated"], packed["lines"][0]["picked"]) == (2, 1)
    order = await street.ok(street.worker().get, f"/v1/orders/{bag['order_id']}")
    assert (order["owed"], order["lines"][0]["refunded"]) == (money(2800), 1)


async def test_more_than_allocated_or_of_another_bag_is_refused(street: Street) -> None:
    _, [bag, other, _], _ = await arrived(street)
    mine, foreign = [
        (await street.ok(street.worker().get, f"/v1/parcels/{b['id']}"))["lines"][0]["line_id"] for b in (bag, other)
    ]
    body = {"lines": [{"line_id": mine, "picked": 3}, {"line_id": foreign, "picked": 1}]}
    answer = await street.worker().post(f"/v1/parcels/{bag['id']}/pack", json=body)
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/lines/0/picked", "/lines/1/line_id"]
    assert await street.rows("SELECT 1 FROM parcel_lots WHERE parcel_id = :id", id=bag["id"]) == []


async def test_a_bag_that_comes_back_is_refunded_by_whoever_is_liable(street: Street) -> None:
    _, [bag], [home] = await arrived(street, 1)
    await street.ok(
        street.worker().post,
        "/v1/payments",
        {"order_id": bag["order_id"], "amount": money(5600), "method": "cash"},
    )
    await at_gate(street, bag)
    back = await street.ok(street.worker().post, f"/v1/parcels/{bag['id']}/send-back", {"reason_code": "poor_quality"})
    assert (back["state"], back["reason_code"]) == ("returned", "poor_quality")
    [refund] = (await street.ok(street.as_(home.resident).get, f"/v1/refunds?order_id={bag['order_id']}"))["items"]
    assert (refund["amount"], refund["liable"], refund["state"]) == (money(5600), "store", "due")


async def test_labels_and_lists_show_where_to_never_whom(street: Street) -> None:
    _, bags, _ = await arrived(street)
    await at_gate(street, bags[0])
    round_id = bags[0]["round_id"]
    for what in ("bag-labels", "pick-lists"):
        answer = await street.worker().get(f"/v1/{what}/export?round_id={round_id}")
        assert answer.headers["content-type"] == "application/pdf"
        assert len(PdfReader(io.BytesIO(answer.content)).pages) >= 1
    labels = (await street.ok(street.worker().get, f"/v1/bag-labels?round_id={round_id}"))["items"]
    assert {label["gate_number"] for label in labels} == {1, None}
    assert all(set(label) == {"parcel_id", "area", "gate_number", "order_code", "bags", "qr"} for label in labels)
    [entry] = (await street.ok(street.worker().get, f"/v1/pick-lists?round_id={round_id}"))["items"]
    assert (entry["parcels"], [line["qty"] for line in entry["lines"]]) == (3, [6])


async def test_another_community_can_neither_see_nor_hand_over(street: Street) -> None:
    _, [bag], _ = await arrived(street, 1)
    await at_gate(street, bag)
    foreign = street.worker(1)
    assert (await foreign.get(f"/v1/parcels/{bag['id']}")).status_code == 404
    assert (await foreign.post(f"/v1/parcels/{bag['id']}/hand-over", json={})).status_code == 404
    assert await street.value("SELECT state FROM parcels WHERE id = :id", id=bag["id"]) == "at_gate"
