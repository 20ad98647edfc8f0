"""One order at a time: who may place it, when, and what it leaves behind."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.auth import Grant
from shared.contracts.registry import ClaimV1, ConsentV1, HouseholdV1
from shared.ids import new_id
from tests.integration.orders.street import Street, at, money
from tests.integration.service import person


@pytest.mark.feature("O3")
async def test_a_resident_orders(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1)
    answer = await street.as_(home.resident).post("/v1/orders", json=street.wish(round, home, cabbage=2, pork=1))
    assert answer.status_code == 201
    order = answer.json()
    assert answer.headers["etag"] == '"1"'
    assert order["state"] == "placed"
    assert order["owed"] == money(2 * 700 + 3500)
    assert order["area"] == home.area
    assert [line["requested"] for line in order["lines"]] == [2, 1]
    shown = await street.ok(street.as_(home.resident).get, f"/v1/orders/{order['id']}")
    assert shown == order
    left = await street.value('SELECT "left" FROM purchase_items WHERE item_id = :item', item=street.items["cabbage"])
    assert left == 98


async def test_the_event_and_the_ledger_leave_with_the_order(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1)
    order = await street.order(round, home, rice=2)
    [(kind, told)] = await street.events(order["id"])
    assert kind == "order.placed"
    assert (told["version"], told["code"], told["owed_fen"]) == (1, order["code"], 5600)
    postings = await street.rows(
        "SELECT account, amount_fen FROM postings JOIN journals j ON j.id = journal_id WHERE j.order_id = :id",
        id=UUID(order["id"]),
    )
    assert {row["account"]: row["amount_fen"] for row in postings} == {"receivable": 5600, "store_payable": -5600}


async def test_codes_are_unique_and_checked(street: Street) -> None:
    from shared.identifiers import check_code

    round = await street.open_round()
    homes = await street.homes(3)
    codes = [(await street.order(round, home, rice=1))["code"] for home in homes]
    assert len(set(codes)) == 3
    for code in codes:
        check_code(code)
    found = await street.ok(street.worker().get, "/v1/orders", params={"code": codes[1], "round_id": round["id"]})
    assert [row["household_id"] for row in found["items"]] == [str(homes[1].id)]


@pytest.mark.feature("O3")
async def test_staff_order_by_phone_with_proxy_consent(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1, consents=True)
    body = street.wish(round, home, rice=1) | {"channel": "phone", "taken_at": at(-30)}
    order = await street.ok(street.worker().post, "/v1/orders", body)
    assert order["channel"] == "phone"
    assert order["consent_id"] is not None
    assert order["buyer_id"] is None


Refusal = tuple[int, str]


async def _refused(street: Street, client: Any, body: dict[str, Any], status: int, code: str) -> dict[str, Any]:
    """The problem; and nothing has changed."""
    before = await street.value("SELECT count(*) FROM orders")
    answer = await client.post("/v1/orders", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert await street.value("SELECT count(*) FROM orders") == before
    problem: dict[str, Any] = answer.json()
    return problem


@pytest.mark.feature("O3")
async def test_phone_without_consent_is_refused(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1)
    body = street.wish(round, home, rice=1) | {"channel": "phone"}
    await _refused(street, street.worker(), body, 403, "consent_required")


async def test_a_household_outside_the_callers_reach_is_not_found(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1, consents=True)
    body = street.wish(round, home, rice=1)
    await _refused(street, street.as_(person()), body, 404, "not_found")
    await _refused(street, street.worker(1), body | {"channel": "phone"}, 404, "not_found")
    unknown = str(_old_id())
    await _refused(street, street.as_(home.resident), body | {"household_id": unknown}, 404, "not_found")


def _old_id() -> UUID:
    """A UUIDv7 of an hour ago."""
    fresh = new_id().int
    return UUID(int=fresh - (3_600_000 << 80))


async def test_a_household_of_this_minute_is_not_yet_known(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1)
    body = street.wish(round, home, rice=1) | {"household_id": str(new_id())}
    answer = await street.as_(home.resident).post("/v1/orders", json=body)
    assert answer.status_code == 409
    assert answer.json()["code"] == "not_yet_known"
    assert answer.headers["retry-after"] == "1"


async def test_an_unconfirmed_claim_orders_nothing(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1, claim="pending")
    problem = await _refused(street, street.as_(home.resident), street.wish(round, home, rice=1), 403, "forbidden")
    assert "确认" in problem["detail"]


async def test_a_neighbor_with_consent_may_order(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1)
    neighbor = person()
    consent = ConsentV1(
        id=new_id(), person_id=neighbor.id, role=None, area=None, until=datetime.now(UTC) + timedelta(hours=1)
    )
    state = HouseholdV1(
        id=home.id,
        version=2,
        area=home.area,
        priority_class=0,
        claims=[ClaimV1(person_id=home.resident.id, state="confirmed")],
        consents=[consent],
        notify="inbox",
        merged_into=None,
        state="active",
    )
    await street.tell("household_copies", state)
    order = await street.ok(street.as_(neighbor).post, "/v1/orders", street.wish(round, home, rice=1))
    assert order["consent_id"] == str(consent.id)
    past = consent.model_copy(update={"until": datetime.now(UTC) - timedelta(seconds=1)})
    await street.tell("household_copies", state.model_copy(update={"version": 3, "consents": [past]}))
    await _refused(street, street.as_(neighbor), street.wish(round, home, rice=1), 404, "not_found")


@pytest.mark.parametrize(
    ("line", "pointer", "code"),
    [
        ({"qty": 0}, "/lines/0/qty", "too_small"),
        ({"qty": -3}, "/lines/0/qty", "too_small"),
        ({"qty": 1000}, "/lines/0/qty", "too_large"),
        ({"qty": 10**15}, "/lines/0/qty", "too_large"),
        ({"qty": 1.5}, "/lines/0/qty", "invalid"),
        ({"qty": "2"}, "/lines/0/qty", "invalid"),
        ({"qty": 100}, "/lines/0/qty", "too_large"),
        ({"item_id": "0195a0e4-0000-7000-8000-000000000001"}, "/lines/0/item_id", "unknown"),
        ({"substitution": "swap"}, "/lines/0/swap_item_id", "no_swap"),
        ({"color": "red"}, "/lines/0/color", "unknown_field"),
    ],
    ids=str,
)
async def test_wrong_lines_are_named(street: Street, line: dict[str, Any], pointer: str, code: str) -> None:
    round = await street.open_round()
    [home] = await street.homes(1)
    body = street.wish(round, home, rice=1)
    body["lines"][0] |= line
    problem = await _refused(street, street.as_(home.resident), body, 422, "validation_failed")
    assert (problem["errors"][0]["pointer"], problem["errors"][0]["code"]) == (pointer, code)


async def test_a_swap_must_cost_no_more_and_be_another_item(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1)
    body = street.wish(round, home, rice=1)
    swap = {"substitution": "swap"}
    for name, fine in (("pork", False), ("rice", False), ("cabbage", True)):
        body["lines"][0] |= swap | {"swap_item_id": str(street.items[name])}
        answer = await street.as_(home.resident).post("/v1/orders", json=body)
        assert answer.is_success is fine, answer.text


async def test_an_item_twice_is_named(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1)
    body = street.wish(round, home, rice=1)
    body["lines"] *= 2
    problem = await _refused(street, street.as_(home.resident), body, 422, "validation_failed")
    assert problem["errors"][0]["pointer"] == "/lines/1/item_id"


@pytest.mark.feature("O4")
async def test_above_stock_says_what_is_left(street: Street) -> None:
    round = await street.open_round(await street.purchase({"rice": 3, "pork": 9}))
    [home] = await street.homes(1)
    body = street.wish(round, home, pork=1, rice=4)
    problem = await _refused(street, street.as_(home.resident), body, 409, "out_of_stock")
    assert [(e["pointer"], e["params"]) for e in problem["errors"]] == [("/lines/1/qty", {"left": 3})]


@pytest.mark.feature("O4")
async def test_above_quota_says_what_is_left(street: Street) -> None:
    round = await street.open_round(await street.purchase(rations={"rice": 2}))
    home, other = await street.homes(2)
    await street.order(round, home, rice=1, pork=5)
    body = street.wish(round, home, rice=2)
    problem = await _refused(street, street.as_(home.resident), body, 409, "quota_used")
    assert [(e["pointer"], e["params"]) for e in problem["errors"]] == [("/lines/0/qty", {"left": 1})]
    await street.order(round, other, rice=2)
    found = await street.ok(
        street.as_(home.resident).get, "/v1/quotas", params={"round_id": round["id"], "household_id": str(home.id)}
    )
    assert [(q["ceiling"], q["used"], q["left"]) for q in found["items"]] == [(2, 1, 1)]


@pytest.mark.feature("O4")
async def test_merged_households_share_one_quota(street: Street) -> None:
    round = await street.open_round(await street.purchase(rations={"rice": 2}))
    kept, lost = await street.homes(2)
    await street.order(round, kept, rice=2)
    await street.merge(lost, kept)
    body = street.wish(round, lost, rice=1)
    problem = await _refused(street, street.as_(kept.resident), body, 409, "quota_used")
    assert problem["errors"][0]["params"] == {"left": 0}
    order = await street.ok(street.as_(kept.resident).post, "/v1/orders", street.wish(round, lost, pork=1))
    assert order["household_id"] == str(kept.id)


@pytest.mark.feature("R15")
async def test_one_group_buy_in_seven_days(street: Street) -> None:
    await street.policy("orders.quota", {"days_between_orders": 7})
    purchase = await street.purchase()
    first = await street.open_round(purchase)
    [home] = await street.homes(1)
    order = await street.order(first, home, rice=1)
    second = await street.open_round(purchase)
    body = street.wish(second, home, rice=1)
    await _refused(street, street.as_(home.resident), body, 409, "quota_used")
    await street.ok(street.as_(home.resident).post, f"/v1/orders/{order['id']}/cancel", {})
    await street.ok(street.as_(home.resident).post, "/v1/orders", body)


@pytest.mark.feature("O3")
async def test_after_the_cut_off_only_what_was_taken_before(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1, consents=True)
    await street.shift(round["id"], opens_at=-100, cut_off_at=-10, late_entry_until=100)
    await _refused(street, street.as_(home.resident), street.wish(round, home, rice=1), 409, "round_closed")
    phone = street.wish(round, home, rice=1) | {"channel": "phone"}
    await _refused(street, street.worker(), phone, 409, "round_closed")
    await _refused(street, street.worker(), phone | {"taken_at": at(-5)}, 409, "round_closed")
    await street.ok(street.worker().post, "/v1/orders", phone | {"taken_at": at(-20)})
    await street.shift(round["id"], late_entry_until=-1)
    problem = await _refused(street, street.worker(), phone | {"taken_at": at(-20)}, 409, "round_closed")
    assert problem["state"] == "open"


async def test_taken_at_must_be_believable(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1, consents=True)
    body = street.wish(round, home, rice=1)
    problem = await _refused(street, street.as_(home.resident), body | {"taken_at": at(-5)}, 422, "validation_failed")
    assert problem["errors"][0]["pointer"] == "/taken_at"
    phone = body | {"channel": "phone", "taken_at": at(3600)}
    problem = await _refused(street, street.worker(), phone, 422, "validation_failed")
    assert problem["errors"][0]["code"] == "in_the_future"
    naive = body | {"channel": "phone", "taken_at": "2020-02-17T10:00:00"}
    problem = await _refused(street, street.worker(), naive, 422, "validation_failed")
    assert problem["errors"][0]["code"] == "offset_missing"


async def test_a_draft_takes_no_orders(street: Street) -> None:
    round = await street.draft(await street.purchase())
    [home] = await street.homes(1)
    problem = await _refused(street, street.as_(home.resident), street.wish(round, home, rice=1), 409, "round_closed")
    assert problem["state"] == "draft"


async def test_a_round_of_another_community_is_named(street: Street) -> None:
    round = await street.open_round(community=1)
    [home] = await street.homes(1)
    problem = await _refused(
        street, street.as_(home.resident), street.wish(round, home, rice=1), 422, "validation_failed"
    )
    assert problem["errors"][0]["pointer"] == "/round_id"


@pytest.mark.feature("O2")
async def test_capacity_refuses_and_then_closes(street: Street) -> None:
    round = await street.open_round(capacity_orders=2)
    homes = await street.homes(3)
    for home in homes[:2]:
        await street.order(round, home, rice=1)
    await _refused(street, street.as_(homes[2].resident), street.wish(round, homes[2], rice=1), 409, "limit_reached")
    await street.orders.run_timers()
    closed = await street.ok(street.worker().get, f"/v1/rounds/{round['id']}")
    assert (closed["state"], closed["close_reason"]) == ("closed", "capacity")


async def test_signing_in_is_needed_and_a_clients_scopes_count(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1)
    body = street.wish(round, home, rice=1)
    await _refused(street, street.orders.client(), body, 401, "unauthenticated")
    narrow = replace(home.resident, scopes=frozenset({"purchases.confirm"}))
    await _refused(street, street.orders.client(narrow), body, 403, "forbidden")


async def test_others_orders_are_not_found(street: Street) -> None:
    round = await street.open_round()
    [home] = await street.homes(1)
    order = await street.order(round, home, rice=1)
    for who, status in (
        (person(), 404),
        (street.workers[street.communities[1]], 404),
        (street.workers[street.communities[0]], 200),
        (person(Grant("building_head", area=home.area)), 200),
        (street.manager, 404),
    ):
        assert (await street.as_(who).get(f"/v1/orders/{order['id']}")).status_code == status
    found = await street.ok(street.as_(home.resident).get, "/v1/orders", params={"expand": "lines"})
    assert [(row["id"], len(row["lines"])) for row in found["items"]] == [(order["id"], 1)]
