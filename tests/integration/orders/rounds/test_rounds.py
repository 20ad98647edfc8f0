"""Rounds on the real clock of the database: opening, cut-off, late entry, minimum, extension, cancelling."""

from typing import Any
from uuid import UUID

import pytest

from tests.integration.orders.street import Street, at, money
from tests.integration.service import person

pytestmark = pytest.mark.feature("O2")


async def _round(street: Street, round: dict[str, Any]) -> dict[str, Any]:
    await street.orders.run_timers()
    return await street.ok(street.worker().get, f"/v1/rounds/{round['id']}")


async def _hurry(street: Street, round: dict[str, Any], **columns: float) -> dict[str, Any]:
    """Moves the round's times, as if time had passed, and lets the worker look."""
    if columns:
        await street.shift(round["id"], **columns)
    for kind in ("rounds.open", "rounds.cut_off", "rounds.close"):
        await street.wake(kind, round["id"])
    return await _round(street, round)


async def test_a_round_lives_by_its_times(street: Street) -> None:
    round = await street.draft(await street.purchase(), opens_at=at(0.2))
    assert round["state"] == "draft"
    [home] = await street.homes(1)
    opened = await _hurry(street, round, opens_at=-1)
    assert opened["state"] == "open"
    await street.order(opened, home, rice=1)
    late = await _hurry(street, round, opens_at=-3, cut_off_at=-1, late_entry_until=100)
    assert late["state"] == "late_entry"
    closed = await _hurry(street, round, late_entry_until=-0.5)
    assert (closed["state"], closed["close_reason"]) == ("closed", "time")
    kinds = [kind for kind, _ in await street.events(round["id"])]
    assert kinds == ["round.created", "round.opened", "round.cut_off", "round.closed"]
    versions = [told["version"] for _, told in await street.events(round["id"])]
    assert versions == [1, 2, 3, 4]
    assert await street.value("SELECT state FROM orders WHERE round_id = :id", id=UUID(round["id"])) == "locked"


async def test_timers_that_come_early_do_nothing(street: Street) -> None:
    round = await street.open_round()
    assert (await _hurry(street, round))["state"] == "open"


@pytest.mark.feature("R15")
async def test_the_policy_in_force_is_pinned(street: Street) -> None:
    await street.policy("orders.round", {"max_line_qty": 50})
    await street.policy("orders.round", {"max_line_qty": 3, "lead_days": "soon"}, area=street.communities[0])
    round = await street.open_round()
    assert round["policy"]["values"]["max_line_qty"] == 3
    assert round["policy"]["values"]["lead_days"] == 1
    assert [(s["kind"], s["area"]) for s in round["policy"]["sources"]] == [("orders.round", street.communities[0])]
    await street.policy("orders.round", {"max_line_qty": 1}, area=street.communities[0])
    [home] = await street.homes(1)
    await street.order(round, home, rice=3)
    refused = await street.as_(home.resident).post("/v1/orders", json=street.wish(round, home, rice=4))
    assert refused.json()["errors"][0]["params"] == {"max": 3}


@pytest.mark.feature("R12")
async def test_without_an_agreement_nothing_opens(street: Street) -> None:
    purchase = await street.purchase()
    round = await street.draft(purchase)
    agreement = await street.value(
        "SELECT key FROM agreement_copies WHERE community_area = :area", area=street.communities[0]
    )
    await street.agree(street.communities[0], state="suspended", version=2, id=agreement)
    refused = await street.worker().post(f"/v1/rounds/{round['id']}/open", json={})
    assert (refused.status_code, refused.json()["code"]) == (403, "agreement_required")
    cancelled = await _hurry(street, round, opens_at=-1)
    assert (cancelled["state"], cancelled["reason"]) == ("cancelled", "agreement_required")


async def test_a_draft_is_changed_an_open_round_is_not(street: Street) -> None:
    round = await street.draft(await street.purchase())
    path, worker = f"/v1/rounds/{round['id']}", street.worker()
    changed = await street.ok(worker.patch, path, {"capacity_orders": 5}, headers={"If-Match": '"1"'})
    assert (changed["capacity_orders"], changed["version"]) == (5, 2)
    same = await street.ok(worker.patch, path, {"capacity_orders": 5}, headers={"If-Match": '"1"'})
    assert same["version"] == 2
    cleared = await street.ok(worker.patch, path, {"capacity_orders": None}, headers={"If-Match": '"2"'})
    assert cleared["capacity_orders"] is None
    bad = await worker.patch(path, json={"cut_off_at": at(-5)}, headers={"If-Match": '"3"'})
    assert (bad.status_code, bad.json()["errors"][0]["pointer"]) == (422, "/cut_off_at")
    await street.ok(worker.post, f"{path}/open", {})
    late = await worker.patch(path, json={"minimum_orders": 5}, headers={"If-Match": '"4"'})
    assert (late.status_code, late.json()["code"]) == (409, "transition_not_allowed")
    assert late.json()["allowed_actions"] == ["cancel", "close", "cut_off", "extend"]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"cut_off_at": at(30)}, "/cut_off_at"),
        ({"late_entry_until": at(1000)}, "/late_entry_until"),
        ({"late_entry_until": at(90_000)}, "/late_entry_until"),
        ({"capacity_orders": 0}, "/capacity_orders"),
        ({"minimum_rule": "pray"}, "/minimum_rule"),
    ],
    ids=["cut_off_before_opening", "late_before_cut_off", "late_after_sending", "capacity", "rule"],
)
async def test_times_in_the_wrong_order_are_named(street: Street, fields: dict[str, Any], pointer: str) -> None:
    purchase = await street.purchase(send_in=86_000)
    body = {
        "purchase_id": purchase["id"],
        "area": street.communities[0],
        "opens_at": at(60),
        "cut_off_at": at(1800),
        "late_entry_until": at(2400),
    }
    answer = await street.worker().post("/v1/rounds", json=body | fields)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_only_the_communitys_own_staff_run_it(street: Street) -> None:
    purchase = await street.purchase()
    body = {
        "purchase_id": purchase["id"],
        "area": street.communities[0],
        "opens_at": at(60),
        "cut_off_at": at(1800),
        "late_entry_until": at(2400),
    }
    assert (await street.worker(1).post("/v1/rounds", json=body)).status_code == 403
    round = await street.ok(street.worker().post, "/v1/rounds", body)
    assert (await street.as_(person()).get(f"/v1/rounds/{round['id']}")).status_code == 404
    await street.ok(street.worker().post, f"/v1/rounds/{round['id']}/open", {})
    assert (await street.as_(person()).get(f"/v1/rounds/{round['id']}")).status_code == 200
    assert (await street.as_(person()).post(f"/v1/rounds/{round['id']}/close", json={})).status_code == 404
    assert (await street.worker(1).post(f"/v1/rounds/{round['id']}/close", json={})).status_code in (403, 404)


async def test_a_missed_minimum_cancels_and_gives_everything_back(street: Street) -> None:
    round = await street.open_round(minimum_orders=2, minimum_rule="cancel")
    [home] = await street.homes(1)
    order = await street.order(round, home, rice=1)
    payment = {"order_id": order["id"], "method": "cash", "amount": money(2800)}
    await street.ok(street.worker().post, "/v1/payments", payment)
    await _hurry(street, round, opens_at=-3, cut_off_at=-2, late_entry_until=100)
    cancelled = await _hurry(street, round, late_entry_until=-1)
    assert (cancelled["state"], cancelled["reason"]) == ("cancelled", "minimum_missed")
    shown = await street.ok(street.as_(home.resident).get, f"/v1/orders/{order['id']}")
    assert (shown["state"], shown["reason"]) == ("cancelled", "round_minimum_missed")
    assert (shown["owed"], shown["refund_due"]) == (money(0), money(2800))
    refunds = await street.rows("SELECT liable, state FROM refunds WHERE order_id = :id", id=UUID(order["id"]))
    assert refunds == [{"liable": "community", "state": "due"}]
    await street.books_balance(round)


async def test_a_missed_minimum_extends_once(street: Street) -> None:
    round = await street.open_round(minimum_orders=2, minimum_rule="extend", extend_minutes=5)
    one, two = await street.homes(2)
    await street.order(round, one, rice=1)
    await _hurry(street, round, opens_at=-3, cut_off_at=-2, late_entry_until=100)
    extended = await _hurry(street, round, late_entry_until=-1)
    assert (extended["state"], extended["extended"]) == ("open", True)
    await street.order(extended, two, rice=1)
    await _hurry(street, round, cut_off_at=-2, late_entry_until=100)
    closed = await _hurry(street, round, late_entry_until=-1)
    assert closed["state"] == "closed"
    kinds = [kind for kind, _ in await street.events(round["id"])]
    assert kinds[-4:] == ["round.cut_off", "round.extended", "round.cut_off", "round.closed"]


async def test_no_extension_past_sending(street: Street) -> None:
    purchase = await street.purchase(send_in=2500)
    round = await street.open_round(purchase, minimum_orders=2, minimum_rule="extend", extend_minutes=60)
    [home] = await street.homes(1)
    await street.order(round, home, rice=1)
    await _hurry(street, round, opens_at=-3, cut_off_at=-2, late_entry_until=100)
    assert (await _hurry(street, round, late_entry_until=-1))["reason"] == "minimum_missed"


async def test_send_anyway(street: Street) -> None:
    round = await street.open_round(minimum_orders=50, minimum_rule="send")
    [home] = await street.homes(1)
    await street.order(round, home, rice=1)
    closed = await street.ok(street.worker().post, f"/v1/rounds/{round['id']}/close", {})
    assert closed["state"] == "closed"
    again = await street.ok(street.worker().post, f"/v1/rounds/{round['id']}/close", {})
    assert again["version"] == closed["version"]


async def test_a_round_without_orders_is_cancelled(street: Street) -> None:
    round = await street.open_round()
    closed = await street.ok(street.worker().post, f"/v1/rounds/{round['id']}/close", {})
    assert (closed["state"], closed["reason"]) == ("cancelled", "no_orders")


async def test_extending_by_hand_once(street: Street) -> None:
    round = await street.open_round()
    path, body = f"/v1/rounds/{round['id']}/extend", {"cut_off_at": at(2000), "late_entry_until": at(2600)}
    extended = await street.ok(street.worker().post, path, body)
    assert extended["extended"]
    assert (await street.ok(street.worker().post, path, body))["version"] == extended["version"]
    second = await street.worker().post(path, json={"cut_off_at": at(2200), "late_entry_until": at(2600)})
    assert (second.status_code, second.json()["code"]) == (409, "limit_reached")


async def test_cancelling_by_hand_tells_everybody(street: Street) -> None:
    round = await street.open_round()
    homes = await street.homes(3)
    for home in homes:
        await street.order(round, home, rice=1)
    path = f"/v1/rounds/{round['id']}/cancel"
    cancelled = await street.ok(street.worker().post, path, {"reason_code": "mistake"})
    assert (cancelled["state"], cancelled["reason"]) == ("cancelled", "mistake")
    await street.orders.run_timers()
    rows = await street.rows("SELECT state, reason FROM orders WHERE round_id = :id", id=UUID(round["id"]))
    assert rows == [{"state": "cancelled", "reason": "round_mistake"}] * 3
    assert (
        await street.value(
            "SELECT count(*) FROM outbox WHERE type = 'order.cancelled' AND payload->>'round_id' = :id", id=round["id"]
        )
        == 3
    )
    await street.books_balance(round)


@pytest.mark.feature("R15")
async def test_unpaid_orders_are_dropped_where_policy_says_so(street: Street) -> None:
    await street.policy("orders.round", {"unpaid_at_lock": "drop"})
    round = await street.open_round(minimum_orders=1, minimum_rule="cancel")
    paid, unpaid = await street.homes(2)
    orders = [await street.order(round, home, rice=1) for home in (paid, unpaid)]
    payment = {"order_id": orders[0]["id"], "method": "cash", "amount": money(2800)}
    await street.ok(street.worker().post, "/v1/payments", payment)
    await street.ok(street.worker().post, f"/v1/rounds/{round['id']}/close", {})
    await street.orders.run_timers()
    shown = [await street.ok(street.worker().get, f"/v1/orders/{order['id']}") for order in orders]
    assert [(o["state"], o["reason"]) for o in shown] == [("locked", None), ("cancelled", "unpaid")]
    await street.books_balance(round)


@pytest.mark.feature("O14")
async def test_offers_demand_and_progress(street: Street) -> None:
    round = await street.open_round(minimum_orders=2, capacity_orders=10)
    one, two = await street.homes(2)
    await street.order(round, one, rice=2)
    await street.order(round, two, rice=1, pork=1)
    somebody = street.as_(person())
    shown = await street.ok(somebody.get, f"/v1/rounds/{round['id']}", params={"expand": ["offers", "allowed_actions"]})
    assert {o["name"]: (o["price"]["amount_fen"], o["left"]) for o in shown["offers"]}["rice"] == (2800, 97)
    assert shown["allowed_actions"] == ["cancel", "close", "cut_off", "extend"]
    demand = await street.ok(somebody.get, f"/v1/rounds/{round['id']}/demand")
    assert {i["name"]: (i["ordered"], i["orders"]) for i in demand["items"]} == {"rice": (3, 2), "pork": (1, 1)}
    progress = await street.ok(somebody.get, f"/v1/rounds/{round['id']}/progress")
    assert (progress["orders"], progress["minimum_met"], progress["capacity_left"]) == (2, True, 8)
    assert progress["orders_by_state"] == {"placed": 2}


async def test_a_reopened_round_is_a_new_one(street: Street) -> None:
    purchase = await street.purchase()
    round = await street.open_round(purchase)
    [home] = await street.homes(1)
    await street.order(round, home, rice=1)
    body = {
        "purchase_id": purchase["id"],
        "area": street.communities[0],
        "opens_at": at(60),
        "cut_off_at": at(1800),
        "late_entry_until": at(2400),
        "reopened_from": round["id"],
    }
    early = await street.worker().post("/v1/rounds", json=body)
    assert early.status_code == 422, early.text
    assert early.json()["errors"][0]["pointer"] == "/reopened_from"
    await street.ok(street.worker().post, f"/v1/rounds/{round['id']}/close", {})
    again = await street.ok(street.worker().post, "/v1/rounds", body)
    assert (again["reopened_from"], again["state"]) == (round["id"], "draft")
    reopen = await street.worker().post(f"/v1/rounds/{round['id']}/open", json={})
    assert (reopen.status_code, reopen.json()["code"]) == (409, "transition_not_allowed")


async def test_lists_and_versions(street: Street) -> None:
    purchase = await street.purchase()
    rounds = [await street.open_round(purchase, community=n) for n in (0, 1)]
    found = await street.ok(street.as_(street.official).get, "/v1/rounds", params={"area": street.area, "limit": 1})
    assert [row["id"] for row in found["items"]] == [rounds[1]["id"]]
    rest = await street.ok(
        street.as_(street.official).get,
        "/v1/rounds",
        params={"area": street.area, "limit": 1, "cursor": found["next_cursor"]},
    )
    assert ([row["id"] for row in rest["items"]], rest["next_cursor"]) == ([rounds[0]["id"]], None)
    answer = await street.worker().get(f"/v1/rounds/{rounds[0]['id']}", headers={"If-None-Match": '"2"'})
    assert answer.status_code == 304
