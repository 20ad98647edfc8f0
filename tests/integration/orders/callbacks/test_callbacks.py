"""Calls to households: claimed by one person, resolved with a trace, settled by themselves when nobody can."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.auth import Grant, Principal
from tests.integration.orders.delivery import Delivery
from tests.integration.orders.street import Street
from tests.integration.service import person

pytestmark = pytest.mark.feature("O6")


async def test_a_call_is_claimed_by_one_person(street: Street) -> None:
    _, _, call = await _called(street)
    claimed = await street.ok(street.worker().post, f"/v1/callbacks/{call['id']}/claim", {})
    assert (claimed["state"], claimed["claimed_by"]) == ("claimed", str(street.workers[street.communities[0]].id))
    again = await street.ok(street.worker().post, f"/v1/callbacks/{call['id']}/claim", {})
    assert again["version"] == claimed["version"]
    other = street.as_(_worker(street))
    answer = await other.post(f"/v1/callbacks/{call['id']}/claim", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "duplicate")


async def test_a_refund_changes_the_line_and_leaves_a_trace(street: Street) -> None:
    delivery, order, call = await _called(street)
    done = await _resolve(street, call, outcome="refund", note="不要了")
    assert (done["state"], done["outcome"], done["note"]) == ("resolved", "refund", "不要了")
    line = await delivery.line(order, "pork")
    assert (line["refunded"], line["charged_fen"]) == (1, 3500)
    assert (await street.events(order["id"]))[-1][1]["owed_fen"] == 3500
    kinds = await street.rows("SELECT kind FROM journals WHERE order_id = :id ORDER BY id", id=UUID(order["id"]))
    assert [row["kind"] for row in kinds] == ["charge", "discharge"]
    assert [type for type, _ in await street.events(call["id"])][-1] == "callback.resolved"


async def test_a_swap_adds_a_line_and_a_bag(street: Street) -> None:
    _, order, call = await _called(street, confirmed=0)
    assert not await street.rows("SELECT 1 FROM parcels WHERE order_id = :id", id=UUID(order["id"]))
    await _resolve(street, call, outcome="swap", swap_item_id=str(street.items["rice"]))
    lines = await street.rows(
        "SELECT allocated, unit_price_fen FROM order_lines WHERE order_id = :id AND substitute_for IS NOT NULL",
        id=UUID(order["id"]),
    )
    assert lines == [{"allocated": 2, "unit_price_fen": 2800}]
    assert (await street.events(order["id"]))[-1][0] == "order.substituted"
    assert len(await street.rows("SELECT 1 FROM parcels WHERE order_id = :id", id=UUID(order["id"]))) == 1


async def test_a_swap_that_is_not_left_over_changes_nothing(street: Street) -> None:
    _, _, call = await _called(street, stock={"pork": 100, "rice": 0})
    body = {"outcome": "swap", "swap_item_id": str(street.items["rice"])}
    answer = await street.worker().post(f"/v1/callbacks/{call['id']}/resolve", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "out_of_stock")
    assert (await street.ok(street.worker().get, f"/v1/callbacks/{call['id']}"))["state"] == "open"


async def test_nothing_is_swapped_once_the_goods_have_come(street: Street) -> None:
    delivery, _, call = await _called(street)
    await delivery.received(0)
    body = {"outcome": "swap", "swap_item_id": str(street.items["rice"])}
    answer = await street.worker().post(f"/v1/callbacks/{call['id']}/resolve", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "limit_reached")


async def test_who_keeps_waiting_is_called_again(street: Street) -> None:
    delivery, order, call = await _called(street)
    await _resolve(street, call, outcome="keep_waiting")
    page = await street.ok(street.worker().get, f"/v1/callbacks?order_id={order['id']}&state=open")
    [again] = page["items"]
    assert (again["line_id"], again["qty"]) == (call["line_id"], call["qty"])
    assert (await delivery.line(order, "pork"))["refunded"] == 0


async def test_a_line_that_comes_short_again_is_called_about_once_for_all_of_it(street: Street) -> None:
    delivery, order, call = await _called(street)
    await delivery.received(0, pork=0)
    page = await street.ok(street.worker().get, f"/v1/callbacks?order_id={order['id']}")
    assert [(row["id"], row["qty"], row["version"]) for row in page["items"]] == [(call["id"], 2, 2)]
    assert (await street.events(call["id"]))[-1][0] == "callback.updated"
    await _resolve(street, call, outcome="refund")
    assert (await delivery.line(order, "pork"))["refunded"] == 2
    assert await street.value("SELECT state FROM orders WHERE id = :id", id=UUID(order["id"])) == "fulfilled"


async def test_a_call_that_nobody_could_make_ends_in_a_refund(street: Street) -> None:
    delivery, order, call = await _called(street, confirmed=0)
    await _make_due(street, call)
    await street.orders.run_timers()
    done = await street.ok(street.worker().get, f"/v1/callbacks/{call['id']}")
    assert (done["outcome"], done["resolved_by"]) == ("not_reached", None)
    assert (await delivery.line(order, "pork"))["refunded"] == 2
    assert await street.value("SELECT state FROM orders WHERE id = :id", id=UUID(order["id"])) == "fulfilled"


async def test_a_call_about_a_cancelled_order_ends_by_itself(street: Street) -> None:
    delivery, _, call = await _called(street)
    official = street.as_(street.official)
    await street.ok(official.post, f"/v1/purchases/{delivery.id}/cancel", {})
    await street.orders.run_timers()
    answer = await street.worker().post(f"/v1/callbacks/{call['id']}/resolve", json={"outcome": "refund"})
    assert answer.status_code == 409
    await _make_due(street, call)
    await street.orders.run_timers()
    assert (await street.ok(street.worker().get, f"/v1/callbacks/{call['id']}"))["outcome"] == "order_ended"


async def test_a_household_that_takes_news_by_telephone_is_called_and_told(street: Street) -> None:
    delivery = await Delivery.opened(street)
    [home] = await street.homes(1)
    async with street.orders.worker.transaction() as db:
        await db.execute(
            text('UPDATE household_copies SET payload = payload || \'{"notify": "call"}\' WHERE key = :id'),
            {"id": home.id},
        )
    order = await delivery.order(home, pork=2)
    await delivery.sent()
    await delivery.confirmed(pork=1)
    [call] = (await street.ok(street.worker().get, f"/v1/callbacks?order_id={order['id']}"))["items"]
    assert (call["line_id"], call["qty"]) == (None, 0)
    answer = await street.worker().post(f"/v1/callbacks/{call['id']}/resolve", json={"outcome": "refund"})
    assert answer.json()["errors"][0]["pointer"] == "/outcome"
    assert (await _resolve(street, call, outcome="told"))["outcome"] == "told"


async def test_a_building_head_calls_its_own_building_alone(street: Street) -> None:
    _, _, call = await _called(street)
    head = street.as_(person(Grant("building_head", area=call["area"])))
    other = street.as_(person(Grant("building_head", area=f"{street.communities[0]}.c01.b99")))
    assert (await other.get(f"/v1/callbacks/{call['id']}")).status_code == 404
    await street.ok(head.post, f"/v1/callbacks/{call['id']}/claim", {})
    assert (await _resolve(street, call, head, outcome="refund"))["state"] == "resolved"


async def _called(
    street: Street, confirmed: int = 1, stock: dict[str, int] | None = None
) -> tuple[Delivery, dict[str, Any], dict[str, Any]]:
    """A household that wanted two pork, gets ``confirmed``, and asked to be called."""
    delivery = await Delivery.opened(street, stock=stock)
    [home] = await street.homes(1)
    order = await delivery.order(home, choice="call", pork=2)
    await delivery.sent()
    await delivery.confirmed(pork=confirmed)
    [call] = (await street.ok(street.worker().get, f"/v1/callbacks?order_id={order['id']}"))["items"]
    return delivery, order, call


async def _resolve(street: Street, call: dict[str, Any], who: Any = None, **body: Any) -> dict[str, Any]:
    return await street.ok((who or street.worker()).post, f"/v1/callbacks/{call['id']}/resolve", body)


async def _make_due(street: Street, call: dict[str, Any]) -> None:
    async with street.orders.worker.transaction() as db:
        for table, column in (("callbacks", "id"), ("timers", "ref")):
            await db.execute(text(f"UPDATE {table} SET due_at = now() WHERE {column} = :id"), {"id": UUID(call["id"])})


def _worker(street: Street) -> Principal:
    return person(Grant("community_worker", area=street.communities[0]))
