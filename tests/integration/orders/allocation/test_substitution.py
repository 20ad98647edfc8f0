"""What a household chose for missing units is obeyed by itself: swap at equal or lower price, refund, call."""

from typing import Any
from uuid import UUID

import pytest

from tests.integration.orders.delivery import Delivery
from tests.integration.orders.street import Street

pytestmark = [pytest.mark.feature("O8"), pytest.mark.feature("O3")]


async def test_a_swap_is_a_new_line_at_its_own_lower_price(street: Street) -> None:
    delivery = await Delivery.opened(street)
    [home] = await street.homes(1)
    order = await delivery.order(home, choice="swap", swap="rice", pork=3)
    await delivery.sent()
    await delivery.confirmed(pork=1)
    old, [new] = await delivery.line(order, "pork"), await _swaps(street, order)
    assert (old["allocated"], old["refunded"], old["charged_fen"]) == (1, 0, 3500)
    assert (new["requested"], new["allocated"], new["unit_price_fen"]) == (2, 2, 2800)
    assert new["substitute_for"] == old["id"]
    assert await _owed(street, order) == 3500 + 2 * 2800 == old["charged_fen"] + new["charged_fen"]
    types = [type for type, _ in await street.events(order["id"])]
    assert types[-1] == "order.substituted"


async def test_the_store_is_told_what_to_add(street: Street) -> None:
    delivery = await Delivery.opened(street)
    [home] = await street.homes(1)
    await delivery.order(home, choice="swap", swap="rice", pork=2)
    await delivery.sent()
    await delivery.confirmed(pork=0)
    type, payload = (await street.events(delivery.id))[-1]
    rice = next(item for item in payload["items"] if item["item_id"] == str(street.items["rice"]))
    assert (type, rice["ordered"], rice["confirmed"]) == ("purchase.amended", 2, 2)
    assert await delivery.allocated("rice") == 2
    stock = await _item(street, delivery, "rice")
    assert stock["left"] == stock["initial"] - 2


async def test_what_is_short_itself_is_not_swapped_in(street: Street) -> None:
    delivery = await Delivery.opened(street)
    one, other = await street.homes(2)
    order = await delivery.order(one, choice="swap", swap="cabbage", rice=2)
    await delivery.order(other, cabbage=2)
    await delivery.sent()
    await delivery.confirmed(rice=0, cabbage=1)
    assert not await _swaps(street, order)
    assert (await delivery.line(order, "rice"))["refunded"] == 2
    assert await _owed(street, order) == 0


async def test_what_the_stock_does_not_hold_is_refunded(street: Street) -> None:
    delivery = await Delivery.opened(street, stock={"pork": 100, "rice": 3})
    one, two = await street.homes(2)
    orders = [await delivery.order(home, choice="swap", swap="rice", pork=2) for home in (one, two)]
    await delivery.sent()
    await delivery.confirmed(pork=0)
    swapped = [sum(line["allocated"] for line in await _swaps(street, order)) for order in orders]
    refunded = [(await delivery.line(order, "pork"))["refunded"] for order in orders]
    assert sorted(swapped) == [1, 2]
    assert sorted(refunded) == [0, 1]
    assert (await _item(street, delivery, "rice"))["left"] == 0


async def test_a_swap_stays_within_the_ration(street: Street) -> None:
    delivery = await Delivery.opened(street, rations={"rice": 2})
    [home] = await street.homes(1)
    order = await delivery.order(home, choice="swap", swap="rice", pork=2, rice=1)
    await delivery.sent()
    await delivery.confirmed(pork=0)
    assert [line["allocated"] for line in await _swaps(street, order)] == [1]
    assert (await delivery.line(order, "pork"))["refunded"] == 1
    assert await street.value("SELECT used FROM quota_uses WHERE household_id = :id", id=home.id) == 2


async def test_stock_and_quota_of_swaps_go_back_when_the_purchase_is_cancelled(street: Street) -> None:
    delivery = await Delivery.opened(street, rations={"rice": 2})
    [home] = await street.homes(1)
    order = await delivery.order(home, choice="swap", swap="rice", pork=2)
    await delivery.sent()
    await delivery.confirmed(pork=0)
    official = street.as_(street.official)
    await street.ok(official.post, f"/v1/purchases/{delivery.id}/cancel", {"reason_code": "emergency"})
    await street.orders.run_timers()
    stock = await _item(street, delivery, "rice")
    assert stock["left"] == stock["initial"]
    assert await street.value("SELECT used FROM quota_uses WHERE household_id = :id", id=home.id) == 0
    assert await _owed(street, order) == 0


async def test_a_call_takes_nothing_back_until_it_is_made(street: Street) -> None:
    delivery = await Delivery.opened(street)
    [home] = await street.homes(1)
    order = await delivery.order(home, choice="call", pork=2)
    await delivery.sent()
    await delivery.confirmed(pork=1)
    line = await delivery.line(order, "pork")
    assert (line["allocated"], line["refunded"], line["charged_fen"]) == (1, 0, 7000)
    [call] = await street.rows("SELECT * FROM callbacks WHERE order_id = :id", id=UUID(order["id"]))
    assert (call["line_id"], call["qty"], call["state"]) == (line["id"], 1, "open")
    told = await street.rows("SELECT zh, en FROM shortages WHERE order_id = :id", id=UUID(order["id"]))
    assert "打电话" in told[0]["zh"]
    assert "telephone" in told[0]["en"]


async def _swaps(street: Street, order: dict[str, Any]) -> list[dict[str, Any]]:
    statement = "SELECT * FROM order_lines WHERE order_id = :id AND substitute_for IS NOT NULL"
    return await street.rows(statement, id=UUID(order["id"]))


async def _owed(street: Street, order: dict[str, Any]) -> int:
    statement = "SELECT owed_fen FROM order_money WHERE order_id = :id"
    return int(await street.value(statement, id=UUID(order["id"])))


async def _item(street: Street, delivery: Delivery, name: str) -> dict[str, Any]:
    statement = "SELECT * FROM purchase_items WHERE purchase_id = :id AND item_id = :item"
    [row] = await street.rows(statement, id=UUID(delivery.id), item=street.items[name])
    return row
