"""A purchase across communities: opened at signed prices, sent by itself, confirmed, refused, met with silence."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.auth import Grant
from shared.clock import shanghai_date
from shared.ids import new_id
from tests.integration.orders.street import Home, Street, at, money
from tests.integration.service import client_of, person, service_principal

pytestmark = pytest.mark.feature("O7")


async def _sold(street: Street, **fields: Any) -> tuple[dict[str, Any], list[Home], list[dict[str, Any]]]:
    """A purchase with a closed round in each community: 3 and 2 households order 2 rice; the first one pork too."""
    purchase = await street.purchase(**fields)
    homes: list[Home] = []
    orders: list[dict[str, Any]] = []
    for community, n in ((0, 3), (1, 2)):
        round = await street.open_round(purchase, community)
        for home in await street.homes(n, community):
            quantities = {"rice": 2} if homes else {"rice": 2, "pork": 1}
            homes.append(home)
            orders.append(await street.order(round, home, **quantities))
        await street.ok(street.worker(community).post, f"/v1/rounds/{round['id']}/close", {})
    await street.orders.run_timers()
    return purchase, homes, orders


async def _sent(street: Street, **fields: Any) -> tuple[dict[str, Any], list[Home], list[dict[str, Any]]]:
    purchase, homes, orders = await _sold(street, **fields)
    sent = await street.ok(street.as_(street.official).post, f"/v1/purchases/{purchase['id']}/send", {})
    return sent, homes, orders


def _lines(street: Street, **quantities: int) -> dict[str, Any]:
    return {"lines": [{"item_id": str(street.items[name]), "confirmed_qty": qty} for name, qty in quantities.items()]}


async def _state(street: Street, purchase: dict[str, Any]) -> tuple[str, str | None]:
    await street.orders.run_timers()
    found = await street.ok(street.as_(street.official).get, f"/v1/purchases/{purchase['id']}")
    return found["state"], found["reason"]


@pytest.mark.feature("O1")
async def test_it_pins_the_signed_prices(street: Street) -> None:
    purchase = await street.purchase()
    assert purchase["price_list_id"] == str(street.price_list_id)
    assert purchase["area"] == street.area
    await street.sign_prices({"rice": 9999})
    shown = await street.ok(street.as_(street.official).get, f"/v1/purchases/{purchase['id']}")
    assert {i["name"]: i["price"]["amount_fen"] for i in shown["items"]} == {
        "cabbage": 700,
        "pork": 3500,
        "rice": 2800,
    }
    [(kind, told)] = await street.events(purchase["id"])
    assert (kind, told["delivery_on"], told["areas"]) == (
        "purchase.created",
        purchase["delivery_on"],
        street.communities,
    )


@pytest.mark.feature("R12")
async def test_every_community_needs_its_agreement(street: Street) -> None:
    stranger = f"{street.area}.003"
    body = await _body(street) | {"areas": [*street.communities, stranger]}
    answer = await street.as_(street.official).post("/v1/purchases", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "agreement_required")


async def _body(street: Street) -> dict[str, Any]:
    return {
        "store_id": str(street.store_id),
        "areas": street.communities,
        "delivery_on": str(shanghai_date(datetime.now(UTC)) + timedelta(days=2)),
        "send_at": at(3600),
        "items": [{"item_id": str(street.items["rice"]), "initial": 5}],
    }


async def test_what_is_wrong_is_named(street: Street) -> None:
    body = await _body(street)
    today = str(shanghai_date(datetime.now(UTC)))
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"delivery_on": today}, "/delivery_on", "too_early"),
        ({"send_at": at(-1)}, "/send_at", "too_early"),
        ({"items": [{"item_id": str(new_id()), "initial": 5}]}, "/items/0/item_id", "unknown"),
        ({"items": body["items"] * 2}, "/items/1/item_id", "duplicate"),
        ({"items": [body["items"][0] | {"initial": -1}]}, "/items/0/initial", "too_small"),
        ({"items": [body["items"][0] | {"ration": 0}]}, "/items/0/ration", "too_small"),
        ({"areas": [street.area]}, "/areas/0", "not_a_community"),
        ({"areas": ["42.1"]}, "/areas/0", "invalid"),
        ({"areas": [*street.communities, "11.01.01.001.001"]}, "/areas", "too_far_apart"),
    ]
    for fields, pointer, code in cases:
        answer = await street.as_(street.official).post("/v1/purchases", json=body | fields)
        assert answer.status_code == 422, (fields, answer.text)
        assert (answer.json()["errors"][0]["pointer"], answer.json()["errors"][0]["code"]) == (pointer, code)


async def test_a_draft_list_is_no_price(street: Street) -> None:
    lines = [{"item_id": str(street.items["rice"]), "price": money(1)}]
    body = {"store_id": str(street.store_id), "valid_from": at(-3600), "lines": lines}
    draft = await street.ok(street.as_(street.manager).post, "/v1/price-lists", body)
    wanted = await _body(street) | {"price_list_id": draft["id"]}
    answer = await street.as_(street.official).post("/v1/purchases", json=wanted)
    assert answer.json()["errors"][0]["code"] == "not_signed"


async def test_its_verbs_need_the_covering_area(street: Street) -> None:
    assert (await street.worker().post("/v1/purchases", json=await _body(street))).status_code == 403
    alone = await _body(street) | {"areas": street.communities[:1]}
    await street.ok(street.worker().post, "/v1/purchases", alone)
    purchase = await street.purchase()
    path = f"/v1/purchases/{purchase['id']}"
    assert (await street.worker().get(path)).status_code == 200
    assert (await street.worker().post(f"{path}/cancel", json={})).status_code == 403
    assert (await street.as_(person()).get(path)).status_code == 404
    assert (await street.as_(person(Grant("community_worker", area="42.01.99.001.001"))).get(path)).status_code == 404


async def test_demand_is_live_and_says_nothing_of_households(street: Street) -> None:
    purchase, _, _ = await _sold(street)
    store = street.as_(street.manager)
    demand = await street.ok(store.get, f"/v1/purchases/{purchase['id']}/demand")
    assert {i["name"]: i["ordered"] for i in demand["items"]} == {"cabbage": 0, "pork": 1, "rice": 10}
    rice = str(street.items["rice"])
    by_community = {c["area"]: (c["ordered"], c["orders"]) for c in demand["communities"] if c["item_id"] == rice}
    assert by_community == {street.communities[0]: (6, 3), street.communities[1]: (4, 2)}
    assert "household" not in str(demand)
    answer = await store.get(f"/v1/purchases/{purchase['id']}/export")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert sorted((row["区域"], row["商品"], row["单价(元)"], row["数量"]) for row in rows) == [
        (street.communities[0], "pork", "35.00", "1"),
        (street.communities[0], "rice", "28.00", "6"),
        (street.communities[1], "rice", "28.00", "4"),
    ]


async def test_it_sends_itself(street: Street) -> None:
    """Rounds that are still open end then, drafts are not opened any more."""
    purchase = await street.purchase(confirm_seconds=60)
    round = await street.open_round(purchase)
    draft = await street.draft(purchase, community=1)
    [home] = await street.homes(1)
    order = await street.order(round, home, rice=2)
    await street.rows("UPDATE purchases SET send_at = now() WHERE id = :id RETURNING 1", id=UUID(purchase["id"]))
    await street.wake("purchases.send", purchase["id"])
    assert await _state(street, purchase) == ("sent", None)
    rounds = {r["id"]: (r["state"], r["reason"]) for r in await _rounds(street, purchase)}
    assert rounds == {round["id"]: ("closed", None), draft["id"]: ("cancelled", "not_opened")}
    assert (await street.ok(street.worker().get, f"/v1/orders/{order['id']}"))["state"] == "locked"
    kind, told = (await street.events(purchase["id"]))[-1]
    assert kind == "purchase.sent"
    assert {i["ordered"] for i in told["items"]} == {0, 2}
    assert told["confirm_by"] is not None


async def _rounds(street: Street, purchase: dict[str, Any]) -> list[dict[str, Any]]:
    found = await street.ok(street.as_(street.official).get, "/v1/rounds", params={"purchase_id": purchase["id"]})
    items: list[dict[str, Any]] = found["items"]
    return items


async def test_nothing_ordered_nothing_sent(street: Street) -> None:
    purchase = await street.purchase()
    await street.open_round(purchase)
    await street.rows("UPDATE purchases SET send_at = now() WHERE id = :id RETURNING 1", id=UUID(purchase["id"]))
    await street.wake("purchases.send", purchase["id"])
    assert await _state(street, purchase) == ("cancelled", "no_orders")


async def test_it_is_not_sent_while_a_round_takes_orders(street: Street) -> None:
    purchase = await street.purchase()
    await street.open_round(purchase)
    answer = await street.as_(street.official).post(f"/v1/purchases/{purchase['id']}/send", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "transition_not_allowed")


@pytest.mark.feature("O7")
async def test_the_stores_own_system_confirms(street: Street) -> None:
    purchase, _, orders = await _sent(street)
    grant = Grant("store_manager", organization_id=street.store_id)
    store = street.orders.client(client_of(grant, scopes=frozenset({"purchases.confirm", "purchases.read"})))
    path = f"/v1/purchases/{purchase['id']}"
    confirmed = await street.ok(store.post, f"{path}/confirm", _lines(street, rice=10, pork=1))
    assert confirmed["state"] == "confirmed"
    assert {i["name"]: i["confirmed"] for i in confirmed["items"]} == {"cabbage": 0, "pork": 1, "rice": 10}
    again = await street.ok(store.post, f"{path}/confirm", _lines(street, rice=10, pork=1))
    assert again["version"] == confirmed["version"]
    other = await store.post(f"{path}/confirm", json=_lines(street, rice=9, pork=1))
    assert (other.status_code, other.json()["code"]) == (409, "transition_not_allowed")
    assert (await store.post(f"{path}/refuse", json={})).status_code == 403
    assert await _state(street, purchase) == ("confirmed", None)
    assert {r["state"] for r in await _rounds(street, purchase)} == {"confirmed"}
    shown = await street.ok(street.worker().get, f"/v1/orders/{orders[0]['id']}")
    assert [line["allocated"] for line in shown["lines"]] == [line["requested"] for line in shown["lines"]]
    parcels = await street.value("SELECT count(*) FROM parcels WHERE purchase_id = :id", id=UUID(purchase["id"]))
    assert parcels == 5


async def test_a_wrong_confirmation_is_named(street: Street) -> None:
    purchase, _, _ = await _sent(street)
    path, gateway = f"/v1/purchases/{purchase['id']}/confirm", street.orders.client(service_principal())
    cases: list[tuple[dict[str, Any], str, str]] = [
        (_lines(street, rice=11, pork=1), "/lines/0/confirmed_qty", "too_large"),
        (_lines(street, rice=10, pork=1, cabbage=1), "/lines/2/confirmed_qty", "too_large"),
        (_lines(street, rice=10), "/lines", "missing_items"),
        (_lines(street, rice=-1, pork=1), "/lines/0/confirmed_qty", "too_small"),
    ]
    unknown = _lines(street, rice=10, pork=1)
    unknown["lines"].append({"item_id": str(new_id()), "confirmed_qty": 1})
    twice = _lines(street, rice=10, pork=1)
    twice["lines"].append(twice["lines"][0])
    cases += [(unknown, "/lines/2/item_id", "unknown"), (twice, "/lines/2/item_id", "duplicate")]
    for body, pointer, code in cases:
        answer = await gateway.post(path, json=body)
        assert answer.status_code == 422, (body, answer.text)
        assert (answer.json()["errors"][0]["pointer"], answer.json()["errors"][0]["code"]) == (pointer, code)
    assert await _state(street, purchase) == ("sent", None)


async def test_another_store_confirms_nothing(street: Street) -> None:
    purchase, _, _ = await _sent(street)
    path, body = f"/v1/purchases/{purchase['id']}/confirm", _lines(street, rice=10, pork=1)
    other = person(Grant("store_manager", organization_id=new_id()))
    assert (await street.as_(other).post(path, json=body)).status_code == 404
    assert (await street.as_(street.official).post(path, json=body)).status_code == 403
    gateway = street.orders.client(service_principal())
    assert (await gateway.post(path, json=body | {"store_id": str(new_id())})).status_code == 404
    await street.ok(gateway.post, path, body | {"store_id": str(street.store_id)})


async def test_confirming_before_it_is_sent(street: Street) -> None:
    purchase = await street.purchase()
    path = f"/v1/purchases/{purchase['id']}/confirm"
    answer = await street.as_(street.manager).post(path, json=_lines(street, rice=0))
    assert (answer.status_code, answer.json()["code"]) == (409, "transition_not_allowed")
    assert answer.json()["allowed_actions"] == ["cancel", "send"]


async def _everything_given_back(street: Street, orders: list[dict[str, Any]], reason: str, liable: str) -> None:
    for order in orders:
        shown = await street.ok(street.worker(order["community_area"].endswith("002")).get, f"/v1/orders/{order['id']}")
        assert (shown["state"], shown["reason"], shown["owed"]) == ("cancelled", reason, money(0))
        assert shown["refund_due"] == shown["collected"]
    refunds = await street.rows(
        "SELECT DISTINCT liable FROM refunds WHERE order_id = ANY(:ids)", ids=[UUID(order["id"]) for order in orders]
    )
    assert refunds == [{"liable": liable}]
    await street.books_balance(orders[0])


async def _pay(street: Street, order: dict[str, Any]) -> None:
    payment = {"order_id": order["id"], "method": "cash", "amount": order["owed"]}
    await street.ok(street.worker().post, "/v1/payments", payment)


async def test_a_silent_store_is_asked_once_more_then_left(street: Street) -> None:
    purchase, _, orders = await _sent(street, confirm_seconds=3600)
    await _pay(street, orders[0])
    for expected, count in ((("sent", None), 2), (("cancelled", "store_silent"), 2)):
        await street.rows("UPDATE purchases SET confirm_by = now() WHERE id = :id RETURNING 1", id=UUID(purchase["id"]))
        await street.wake("purchases.confirm_by", purchase["id"])
        assert await _state(street, purchase) == expected
        found = await street.ok(street.as_(street.official).get, f"/v1/purchases/{purchase['id']}")
        assert found["sent_count"] == count
    kinds = [kind for kind, _ in await street.events(purchase["id"])]
    assert kinds == ["purchase.created", "purchase.sent", "purchase.resent", "purchase.cancelled"]
    assert {(r["state"], r["reason"]) for r in await _rounds(street, purchase)} == {("cancelled", "store_silent")}
    await _everything_given_back(street, orders, "store_silent", "store")


async def test_silence_is_no_silence_before_its_time(street: Street) -> None:
    purchase, _, _ = await _sent(street, confirm_seconds=3600)
    await street.wake("purchases.confirm_by", purchase["id"])
    assert await _state(street, purchase) == ("sent", None)
    found = await street.ok(street.as_(street.official).get, f"/v1/purchases/{purchase['id']}")
    assert found["sent_count"] == 1


async def test_a_store_refuses(street: Street) -> None:
    purchase, _, orders = await _sent(street)
    await _pay(street, orders[0])
    refused = await street.ok(street.as_(street.manager).post, f"/v1/purchases/{purchase['id']}/refuse", {})
    assert (refused["state"], refused["reason"]) == ("cancelled", "store_refused")
    await street.orders.run_timers()
    await _everything_given_back(street, orders, "store_refused", "store")
    assert (await street.events(purchase["id"]))[-1][0] == "purchase.refused"


async def test_cancelling_after_the_confirmation(street: Street) -> None:
    purchase, _, orders = await _sent(street)
    await _pay(street, orders[0])
    path = f"/v1/purchases/{purchase['id']}"
    await street.ok(street.as_(street.manager).post, f"{path}/confirm", _lines(street, rice=4, pork=1))
    await street.orders.run_timers()
    await street.ok(street.as_(street.official).post, f"{path}/cancel", {"reason_code": "emergency"})
    assert await _state(street, purchase) == ("cancelled", "emergency")
    for order in orders:
        shown = await street.ok(street.as_(street.official).get, f"/v1/orders/{order['id']}")
        assert shown["state"] in ("cancelled", "fulfilled")  # of which nothing was to come has ended before
        assert (shown["owed"], shown["refund_due"]) == (money(0), shown["collected"])
    open_parcels = await street.value(
        "SELECT count(*) FROM parcels WHERE purchase_id = :id AND state <> 'returned'", id=UUID(purchase["id"])
    )
    assert open_parcels == 0


async def test_asking_again_by_hand(street: Street) -> None:
    purchase, _, _ = await _sent(street)
    path = f"/v1/purchases/{purchase['id']}/resend"
    for n in range(2, 6):
        assert (await street.ok(street.as_(street.official).post, path, {}))["sent_count"] == n
    answer = await street.as_(street.official).post(path, json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "limit_reached")
