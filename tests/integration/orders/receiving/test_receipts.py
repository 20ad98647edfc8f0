"""The truck arrives: received is compared with confirmed, a shortage is shared out at its gate, bags may be packed."""

from typing import Any
from uuid import UUID

import pytest

from shared.auth import Grant
from shared.ids import new_id
from tests.integration.orders.delivery import Delivery
from tests.integration.orders.street import Street
from tests.integration.service import person

pytestmark = pytest.mark.feature("O9")


async def test_ordered_confirmed_and_received_stay_apart(street: Street) -> None:
    delivery, orders = await _confirmed(street, cabbage=10)
    receipt = await delivery.received(cabbage=8)
    [item] = [i for i in receipt["items"] if i["item_id"] == str(street.items["cabbage"])]
    numbers = {name: item[name] for name in ("ordered", "confirmed", "received", "damaged", "short")}
    assert numbers == {"ordered": 12, "confirmed": 10, "received": 8, "damaged": 0, "short": 2}
    lines = [await delivery.line(order, "cabbage") for order in orders[:3]]
    assert sum(line["requested"] for line in lines) == 12
    assert sum(line["confirmed"] for line in lines) == 10
    assert sum(line["allocated"] for line in lines) == sum(line["received"] for line in lines) == 8
    stock = await street.rows(
        "SELECT received FROM purchase_items WHERE purchase_id = :id AND item_id = :item",
        id=UUID(delivery.id),
        item=street.items["cabbage"],
    )
    assert stock == [{"received": 8}]


async def test_a_shortage_at_one_gate_does_not_touch_the_other(street: Street) -> None:
    delivery, orders = await _confirmed(street)
    await delivery.received(0, cabbage=9)
    await delivery.received(1)
    there = await delivery.line(orders[3], "cabbage")
    assert there["allocated"] == there["received"] == there["requested"]
    assert await delivery.allocated("cabbage") == 9 + 4
    told = await street.rows(
        "SELECT household_id FROM shortages WHERE purchase_id = :id AND reason = 'received_short'", id=UUID(delivery.id)
    )
    assert len(told) == 3


async def test_who_was_short_twice_is_told_once_per_reason_and_remembered_once(street: Street) -> None:
    delivery, orders = await _confirmed(street, cabbage=6)
    await delivery.received(cabbage=3)
    household = UUID(orders[0]["household_id"])
    told = await street.rows("SELECT reason FROM shortages WHERE household_id = :id ORDER BY reason", id=household)
    assert [row["reason"] for row in told] == ["confirmed_short", "received_short"]
    [deficit] = await street.rows("SELECT short FROM deficits WHERE household_id = :id", id=household)
    line = await delivery.line(orders[0], "cabbage")
    assert deficit["short"] == line["requested"] - line["allocated"] == line["refunded"]


async def test_damaged_goods_are_received_but_not_allocated(street: Street) -> None:
    delivery, _ = await _confirmed(street)
    receipt = await delivery.counted()
    lines = delivery.lines(receipt, {})
    lines[0]["damaged"] = 2
    await _put(street, receipt, lines)
    await street.ok(street.worker().post, f"/v1/goods-receipts/{receipt['id']}/complete", {})
    await street.orders.run_timers()
    name = next(n for n, id in street.items.items() if str(id) == lines[0]["item_id"])
    here = await street.value(
        "SELECT sum(l.allocated) FROM order_lines l JOIN orders o ON o.id = l.order_id"
        " WHERE o.community_area = :area AND l.item_id = :item",
        area=street.communities[0],
        item=street.items[name],
    )
    assert here == lines[0]["received"] - 2


async def test_rounds_arrive_and_the_purchase_settles_with_its_last_receipt(street: Street) -> None:
    delivery, _ = await _confirmed(street)
    await delivery.received(0)
    assert await _states(street, delivery) == ("receiving", ["arrived", "confirmed"])
    await delivery.received(1)
    assert await _states(street, delivery) == ("settling", ["arrived", "arrived"])
    types = [type for type, _ in await street.events(delivery.id)]
    assert types[-2:] == ["purchase.receiving", "purchase.settling"]
    parcels = await street.rows("SELECT DISTINCT state FROM parcels WHERE purchase_id = :id", id=UUID(delivery.id))
    assert parcels == [{"state": "received"}]


async def test_one_truck_at_one_gate_for_all_communities_is_one_receipt(street: Street) -> None:
    delivery, orders = await _confirmed(street)
    official = street.as_(street.official)
    body = {"purchase_id": delivery.id, "area": street.area}
    receipt = await street.ok(official.post, "/v1/goods-receipts", body)
    [cabbage] = [i for i in receipt["items"] if i["item_id"] == str(street.items["cabbage"])]
    assert cabbage["confirmed"] == 16
    await _put(street, receipt, delivery.lines(receipt, {"cabbage": 12}), official)
    await street.ok(official.post, f"/v1/goods-receipts/{receipt['id']}/complete", {})
    await street.orders.run_timers()
    assert [(await delivery.line(order, "cabbage"))["allocated"] for order in orders] == [3, 3, 3, 3]
    assert await _states(street, delivery) == ("settling", ["arrived", "arrived"])


async def test_no_two_receipts_cover_the_same_place(street: Street) -> None:
    delivery, _ = await _confirmed(street)
    await delivery.counted(0)
    for who, area in ((street.worker(), street.communities[0]), (street.as_(street.official), street.area)):
        answer = await who.post("/v1/goods-receipts", json={"purchase_id": delivery.id, "area": area})
        assert (answer.status_code, answer.json()["code"]) == (409, "duplicate")


async def test_more_than_was_confirmed_stays_on_the_truck(street: Street) -> None:
    delivery, _ = await _confirmed(street, cabbage=10)
    receipt = await delivery.counted(0)
    lines = [line | {"received": line["received"] + 1} for line in delivery.lines(receipt, {})]
    answer = await street.worker().put(
        f"/v1/goods-receipts/{receipt['id']}/lines", json={"lines": lines}, headers=_match(receipt)
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0] | {"detail": None} == {
        "location": "body",
        "pointer": "/lines/0/received",
        "code": "too_large",
        "detail": None,
        "params": {"max": lines[0]["received"] - 1},
    }


async def test_a_receipt_is_completed_only_when_everything_is_counted(street: Street) -> None:
    delivery, _ = await _confirmed(street)
    receipt = await delivery.counted(0)
    lines = delivery.lines(receipt, {})[1:]
    changed = await _put(street, receipt, lines)
    answer = await street.worker().post(f"/v1/goods-receipts/{receipt['id']}/complete", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "limit_reached")
    nulls = [item for item in changed["items"] if item["received"] is None]
    assert len(nulls) == 1
    assert await _states(street, delivery) == ("confirmed", ["confirmed", "confirmed"])


async def test_a_completed_receipt_is_not_counted_again_and_completing_twice_is_once(street: Street) -> None:
    delivery, _ = await _confirmed(street)
    done = await delivery.received(0)
    again = await street.ok(street.worker().post, f"/v1/goods-receipts/{done['id']}/complete", {})
    assert again["version"] == done["version"]
    answer = await street.worker().put(
        f"/v1/goods-receipts/{done['id']}/lines", json={"lines": []}, headers=_match(done)
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "transition_not_allowed")


async def test_a_receipt_waits_for_the_confirmation(street: Street) -> None:
    delivery = await Delivery.opened(street)
    await delivery.order((await street.homes(1))[0], cabbage=1)
    await delivery.sent()
    body = {"purchase_id": delivery.id, "area": street.communities[0]}
    answer = await street.worker().post("/v1/goods-receipts", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "transition_not_allowed")


async def test_a_receipt_is_created_once_under_its_own_id(street: Street) -> None:
    delivery, _ = await _confirmed(street)
    body = {"id": str(new_id()), "purchase_id": delivery.id, "area": street.communities[0]}
    assert (await street.worker().post("/v1/goods-receipts", json=body)).status_code == 201
    assert (await street.worker().post("/v1/goods-receipts", json=body)).status_code == 200
    other = await street.worker(1).post("/v1/goods-receipts", json=body | {"area": street.communities[1]})
    assert other.status_code in (404, 409)


async def test_a_worker_receives_at_no_other_gate(street: Street) -> None:
    delivery, _ = await _confirmed(street)
    body = {"purchase_id": delivery.id, "area": street.communities[0]}
    assert (await street.worker(1).post("/v1/goods-receipts", json=body)).status_code == 403
    receipt = await delivery.counted(0)
    assert (await street.worker(1).get(f"/v1/goods-receipts/{receipt['id']}")).status_code == 404
    stranger = street.as_(person(Grant("community_worker", area="42.01.99.001.001")))
    assert (await stranger.get(f"/v1/goods-receipts/{receipt['id']}")).status_code == 404
    assert (await street.as_(street.manager).get(f"/v1/goods-receipts/{receipt['id']}")).status_code == 200


async def test_the_note_is_changed_under_the_version_that_was_read(street: Street) -> None:
    delivery, _ = await _confirmed(street)
    receipt = await delivery.counted(0)
    path = f"/v1/goods-receipts/{receipt['id']}"
    changed = await street.ok(street.worker().patch, path, {"note": "两箱压坏"}, headers=_match(receipt))
    assert (changed["note"], changed["version"]) == ("两箱压坏", receipt["version"] + 1)
    stale = await street.worker().patch(path, json={"note": "x"}, headers=_match(receipt))
    assert (stale.status_code, stale.json()["current_version"]) == (412, changed["version"])
    assert (await street.worker().patch(path, json={"note": "x"})).status_code == 428


async def _confirmed(street: Street, **less: int) -> tuple[Delivery, list[dict[str, Any]]]:
    """Three orders of 4 cabbage in the first community, one of them with pork; in the second one order: of rice when
    something is confirmed short, of 4 cabbage when not."""
    delivery = await Delivery.opened(street)
    orders = []
    wishes: list[dict[str, int]] = [{"cabbage": 4, "pork": 1}, {"cabbage": 4}, {"cabbage": 4}]
    for home, wish in zip(await street.homes(3), wishes, strict=True):
        orders.append(await delivery.order(home, 0, "refund", None, **wish))
    [other] = await street.homes(1, 1)
    wish = {"rice": 1} if less else {"cabbage": 4}
    orders.append(await delivery.order(other, 1, "refund", None, **wish))
    await delivery.sent()
    await delivery.confirmed(**less)
    return delivery, orders


def _match(row: dict[str, Any]) -> dict[str, str]:
    return {"If-Match": f'"{row["version"]}"'}


async def _put(street: Street, receipt: dict[str, Any], lines: list[dict[str, Any]], who: Any = None) -> dict[str, Any]:
    path = f"/v1/goods-receipts/{receipt['id']}/lines"
    return await street.ok((who or street.worker()).put, path, {"lines": lines}, headers=_match(receipt))


async def _states(street: Street, delivery: Delivery) -> tuple[str, list[str]]:
    purchase = await street.value("SELECT state FROM purchases WHERE id = :id", id=UUID(delivery.id))
    rounds = await street.rows("SELECT state FROM rounds WHERE purchase_id = :id ORDER BY area", id=UUID(delivery.id))
    return purchase, [row["state"] for row in rounds]
