"""Amending and cancelling: until the cut-off, with stock, quota, charge and event in step."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.integration.orders.street import Street, money

pytestmark = pytest.mark.feature("O3")


async def _put(
    street: Street, client: httpx.AsyncClient, order: dict[str, Any], version: int | None = None, **quantities: int
) -> httpx.Response:
    lines = [{"item_id": str(street.items[name]), "qty": qty} for name, qty in quantities.items()]
    headers = {"If-Match": f'"{version or order["version"]}"'}
    return await client.put(f"/v1/orders/{order['id']}/lines", json={"lines": lines}, headers=headers)


async def test_lines_are_replaced(street: Street) -> None:
    round = await street.open_round(await street.purchase(rations={"rice": 3}))
    [home] = await street.homes(1)
    client = street.as_(home.resident)
    order = await street.order(round, home, rice=3, pork=1)
    answer = await _put(street, client, order, rice=1, cabbage=4)
    assert answer.status_code == 200, answer.text
    amended = answer.json()
    assert (amended["state"], amended["version"], amended["owed"]) == ("amended", 2, money(2800 + 4 * 700))
    by_item = {line["item_id"]: line for line in amended["lines"]}
    assert {item: line["requested"] for item, line in by_item.items()} == {
        str(street.items["rice"]): 1,
        str(street.items["cabbage"]): 4,
    }
    kept = next(line for line in order["lines"] if line["item_id"] == str(street.items["rice"]))
    assert by_item[kept["item_id"]]["id"] == kept["id"]
    assert [kind for kind, _ in await street.events(order["id"])] == ["order.placed", "order.amended"]
    await street.books_balance(round)
    assert (await _put(street, client, amended, rice=4, cabbage=4)).json()["code"] == "quota_used"
    assert (await _put(street, client, amended, cabbage=99)).status_code == 200
    await street.books_balance(round)


async def test_the_same_lines_again_change_nothing(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1)
    client = street.as_(home.resident)
    order = await street.order(round, home, rice=1)
    assert (await _put(street, client, order, rice=2)).json()["version"] == 2
    again = await _put(street, client, order, rice=2)
    assert (again.status_code, again.json()["version"]) == (200, 2)
    stale = await _put(street, client, order, rice=3)
    assert (stale.status_code, stale.json()["code"], stale.json()["current_version"]) == (412, "version_mismatch", 2)
    missing = await client.put(f"/v1/orders/{order['id']}/lines", json={"lines": []})
    assert (missing.status_code, missing.json()["code"]) == (428, "if_match_missing")


async def test_more_than_is_left_is_refused_whole(street: Street) -> None:
    round = await street.open_round(await street.purchase({"rice": 5, "pork": 5}))
    one, two = await street.homes(2)
    await street.order(round, two, rice=3)
    order = await street.order(round, one, rice=1, pork=1)
    answer = await _put(street, street.as_(one.resident), order, pork=2, rice=3)
    assert answer.json()["code"] == "out_of_stock"
    assert [(e["pointer"], e["params"]) for e in answer.json()["errors"]] == [("/lines/1/qty", {"left": 1})]
    assert await street.ok(street.as_(one.resident).get, f"/v1/orders/{order['id']}") == order


async def test_after_the_cut_off_staff_alone_amend(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1, consents=True)
    order = await street.order(round, home, rice=1)
    await street.shift(round["id"], opens_at=-100, cut_off_at=-10, late_entry_until=100)
    await street.rows("UPDATE orders SET taken_at = now() - interval '20 seconds' WHERE id = :id RETURNING id",
                      id=UUID(order["id"]))  # fmt: skip
    assert (await _put(street, street.as_(home.resident), order, rice=2)).json()["code"] == "round_closed"
    assert (await _put(street, street.worker(), order, rice=2)).status_code == 200
    await street.shift(round["id"], late_entry_until=-1)
    assert (await _put(street, street.worker(), order, version=2, rice=1)).json()["code"] == "round_closed"


async def test_a_stranger_amends_nothing(street: Street) -> None:
    round = await street.open_round()
    home, other = await street.homes(2)
    order = await street.order(round, home, rice=1)
    assert (await _put(street, street.as_(other.resident), order, rice=2)).status_code == 404
    assert (await _put(street, street.worker(), order, rice=2)).json()["code"] == "consent_required"


async def test_the_hand_over_is_chosen_before_the_cut_off(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1)
    client = street.as_(home.resident)
    order = await street.order(round, home, rice=1)
    path, match = f"/v1/orders/{order['id']}", {"If-Match": '"1"'}
    changed = await street.ok(client.patch, path, {"handover": "door"}, headers=match)
    assert (changed["handover"], changed["version"]) == ("door", 2)
    wrong = await client.patch(path, json={"state": "fulfilled"}, headers=match)
    assert wrong.json()["errors"][0]["code"] == "unknown_field"


@pytest.mark.feature("O11")
async def test_cancelling_gives_everything_back(street: Street) -> None:
    round = await street.open_round(await street.purchase(rations={"rice": 2}), capacity_orders=1)
    one, two = await street.homes(2)
    order = await street.order(round, one, rice=2)
    payment = {"order_id": order["id"], "method": "cash", "amount": money(5600)}
    await street.ok(street.worker().post, "/v1/payments", payment)
    cancelled = await street.ok(street.as_(one.resident).post, f"/v1/orders/{order['id']}/cancel", {})
    assert (cancelled["state"], cancelled["reason"]) == ("cancelled", "household_request")
    assert (cancelled["owed"], cancelled["refund_due"]) == (money(0), money(5600))
    assert [kind for kind, _ in await street.events(order["id"])] == ["order.placed", "order.cancelled"]
    again = await street.ok(street.as_(one.resident).post, f"/v1/orders/{order['id']}/cancel", {})
    assert again["version"] == cancelled["version"]
    await street.books_balance(round)
    await street.order(round, two, rice=2)


async def test_a_locked_order_is_cancelled_by_staff_until_the_purchase_is_sent(street: Street) -> None:
    purchase = await street.purchase()
    round = await street.open_round(purchase)
    one, two = await street.homes(2)
    orders = [await street.order(round, home, rice=1) for home in (one, two)]
    await street.ok(street.worker().post, f"/v1/rounds/{round['id']}/close", {})
    await street.orders.run_timers()
    refused = await street.as_(one.resident).post(f"/v1/orders/{orders[0]['id']}/cancel", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "transition_not_allowed")
    cancelled = await street.ok(
        street.worker().post, f"/v1/orders/{orders[0]['id']}/cancel", {"reason_code": "unreachable"}
    )
    assert cancelled["reason"] == "unreachable"
    await street.ok(street.as_(street.official).post, f"/v1/purchases/{purchase['id']}/send", {})
    late = await street.worker().post(f"/v1/orders/{orders[1]['id']}/cancel", json={})
    assert (late.status_code, late.json()["code"], late.json()["allowed_actions"]) == (
        409,
        "transition_not_allowed",
        [],
    )
    await street.books_balance(round)
