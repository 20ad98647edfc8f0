"""The store confirms less than was ordered: shared out, substituted, told once; across communities, by itself."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from tests.integration.orders.delivery import Delivery
from tests.integration.orders.street import Street

pytestmark = pytest.mark.feature("O8")


async def test_what_is_confirmed_is_given_to_the_last_unit_across_communities(street: Street) -> None:
    delivery = await Delivery.opened(street)
    orders = [
        await delivery.order(home, community, cabbage=3, rice=1)
        for community in (0, 1)
        for home in await street.homes(3, community)
    ]
    await delivery.sent()
    await delivery.confirmed(cabbage=11)
    lines = [await delivery.line(order, "cabbage") for order in orders]
    assert sum(line["allocated"] for line in lines) == 11
    assert {line["allocated"] for line in lines} == {1, 2}
    assert all(line["confirmed"] == line["allocated"] for line in lines)
    assert [(await delivery.line(order, "rice"))["allocated"] for order in orders] == [1] * 6


async def test_enough_for_all_makes_no_allocation_and_tells_nobody(street: Street) -> None:
    delivery = await Delivery.opened(street)
    [home] = await street.homes(1)
    order = await delivery.order(home, cabbage=2)
    await delivery.sent()
    await delivery.confirmed()
    assert (await delivery.line(order, "cabbage"))["allocated"] == 2
    assert not await _allocations(street, delivery)
    assert not await _shortages(street, delivery)
    types = [type for type, _ in await street.events(order["id"])]
    assert types[-1] == "order.allocated"


async def test_what_is_missing_is_refunded_with_its_postings(street: Street) -> None:
    delivery = await Delivery.opened(street)
    [home] = await street.homes(1)
    order = await delivery.order(home, pork=3)
    await delivery.sent()
    await delivery.confirmed(pork=1)
    line = await delivery.line(order, "pork")
    assert (line["allocated"], line["refunded"], line["charged_fen"]) == (1, 2, 3500)
    [money] = await street.rows("SELECT * FROM order_money WHERE order_id = :id", id=UUID(order["id"]))
    assert money["owed_fen"] == 3500
    assert not await street.value(
        "SELECT sum(amount_fen) FROM postings p JOIN journals j ON j.id = p.journal_id WHERE j.order_id = :id",
        id=UUID(order["id"]),
    )


async def test_an_order_of_which_nothing_comes_is_at_its_end(street: Street) -> None:
    delivery = await Delivery.opened(street)
    one, other = await street.homes(2)
    lost, kept = await delivery.order(one, pork=1), await delivery.order(other, rice=1)
    await delivery.sent()
    await delivery.confirmed(pork=0)
    assert await _state(street, lost) == "fulfilled"
    assert await _state(street, kept) == "locked"
    parcels = await street.rows("SELECT order_id FROM parcels WHERE purchase_id = :id", id=UUID(delivery.id))
    assert [str(parcel["order_id"]) for parcel in parcels] == [kept["id"]]


async def test_the_vulnerable_weigh_more_by_the_weights_that_the_round_pinned(street: Street) -> None:
    await street.policy("shortage.weights", {"by_class": [1, 1, 1, 3]})
    delivery = await Delivery.opened(street)
    await street.policy("shortage.weights", {"by_class": [1, 1, 1, 1]}, street.communities[0])
    [strong], [frail] = await street.homes(1), await street.homes(1, priority=3)
    of_strong, of_frail = await delivery.order(strong, cabbage=8), await delivery.order(frail, cabbage=8)
    await delivery.sent()
    await delivery.confirmed(cabbage=8)
    assert (await delivery.line(of_strong, "cabbage"))["allocated"] == 2
    assert (await delivery.line(of_frail, "cabbage"))["allocated"] == 6
    [run] = await _allocations(street, delivery)
    assert run["weights"] == {"by_class": [1, 1, 1, 3], "sealed_building": 1, "deficit_days": 30}
    assert run["policy_id"]


async def test_a_sealed_building_weighs_more(street: Street) -> None:
    delivery = await Delivery.opened(street)
    homes = await street.homes(11)
    free, sealed = homes[0], homes[10]
    await street.lock_down(sealed.area)
    of_free, of_sealed = await delivery.order(free, cabbage=6), await delivery.order(sealed, cabbage=6)
    await delivery.sent()
    await delivery.confirmed(cabbage=6)
    assert (await delivery.line(of_free, "cabbage"))["allocated"] == 2
    assert (await delivery.line(of_sealed, "cabbage"))["allocated"] == 4


async def test_who_was_cut_yesterday_is_served_first_today(street: Street) -> None:
    homes = await street.homes(4)
    got: dict[UUID, list[int]] = {home.id: [] for home in homes}
    for _ in range(2):
        delivery = await Delivery.opened(street)
        orders = {home.id: await delivery.order(home, cabbage=1) for home in homes}
        await delivery.sent()
        await delivery.confirmed(cabbage=2)
        for home in homes:
            got[home.id].append((await delivery.line(orders[home.id], "cabbage"))["allocated"])
    assert sorted(got.values()) == [[0, 1], [0, 1], [1, 0], [1, 0]]


async def test_a_merged_household_brings_what_it_missed(street: Street) -> None:
    lost, kept, other = await street.homes(3)
    first = await Delivery.opened(street)
    await first.order(lost, cabbage=1)
    await first.order(other, rice=1)
    await first.sent()
    await first.confirmed(cabbage=0)
    await street.merge(lost, kept)
    second = await Delivery.opened(street)
    of_kept, of_other = await second.order(kept, cabbage=1), await second.order(other, cabbage=1)
    await second.sent()
    await second.confirmed(cabbage=1)
    assert (await second.line(of_kept, "cabbage"))["allocated"] == 1
    assert (await second.line(of_other, "cabbage"))["allocated"] == 0


async def test_every_household_concerned_is_told_once_and_never_about_another(street: Street) -> None:
    delivery = await Delivery.opened(street)
    homes = await street.homes(5)
    for home in homes:
        await delivery.order(home, cabbage=2, pork=2)
    await delivery.sent()
    await delivery.confirmed(cabbage=5, pork=4)
    told = await _shortages(street, delivery)
    assert sorted(row["household_id"] for row in told) == sorted(str(home.id) for home in homes)
    events = await street.rows(
        "SELECT payload->>'household_id' AS household FROM outbox WHERE type = 'shortage.decided'"
        " AND payload->>'purchase_id' = :id",
        id=delivery.id,
    )
    assert sorted(event["household"] for event in events) == sorted(str(home.id) for home in homes)
    for row in told:
        assert "cabbage" in row["zh"] or "pork" in row["zh"]
        assert "2" in row["en"]
        assert not any(str(home.id) in row["zh"] + row["en"] for home in homes)


async def test_a_household_sees_its_own_shortage_and_line_and_no_other(street: Street) -> None:
    delivery = await Delivery.opened(street)
    one, other = await street.homes(2)
    for home in (one, other):
        await delivery.order(home, cabbage=2)
    await delivery.sent()
    await delivery.confirmed(cabbage=2)
    resident = street.as_(one.resident)
    shown = await street.ok(resident.get, f"/v1/shortages?purchase_id={delivery.id}")
    assert [row["household_id"] for row in shown["items"]] == [str(one.id)]
    [run] = await _allocations(street, delivery)
    mine = await street.ok(resident.get, f"/v1/allocations/{run['id']}/lines")
    assert [row["household_id"] for row in mine["items"]] == [str(one.id)]
    both = await street.ok(street.worker().get, f"/v1/allocations/{run['id']}/lines")
    assert {row["household_id"] for row in both["items"]} == {str(one.id), str(other.id)}
    elsewhere = await street.ok(street.worker(1).get, f"/v1/allocations/{run['id']}/lines")
    assert elsewhere["items"] == []


async def test_a_run_draws_the_same_again_from_its_record(street: Street) -> None:
    run, official = await _short_run(street)
    again = await street.ok(official.post, f"/v1/allocations/{run['id']}/replay", {})
    assert again["replay"] | {"at": None} == {"at": None, "differences": 0, "same": True}
    assert again["version"] == run["version"] + 1


async def test_a_record_that_was_tampered_with_is_found_out(street: Street) -> None:
    run, official = await _short_run(street)
    async with street.orders.worker.transaction() as db:
        await db.execute(
            text(
                "UPDATE allocation_lines SET allocated = allocated + 1 WHERE (allocation_id, line_id) ="
                " (SELECT allocation_id, line_id FROM allocation_lines WHERE allocation_id = :id"
                "  AND allocated < requested LIMIT 1)"
            ),
            {"id": UUID(run["id"])},
        )
    again = await street.ok(official.post, f"/v1/allocations/{run['id']}/replay", {})
    assert again["replay"]["differences"] == 1
    assert again["replay"]["same"] is False


async def _short_run(street: Street) -> tuple[dict[str, Any], httpx.AsyncClient]:
    delivery = await Delivery.opened(street)
    for home in await street.homes(4):
        await delivery.order(home, cabbage=3)
    await delivery.sent()
    await delivery.confirmed(cabbage=7)
    [run] = await _allocations(street, delivery)
    return run, street.as_(street.official)


async def _allocations(street: Street, delivery: Delivery) -> list[dict[str, Any]]:
    client = street.as_(street.official)
    found: list[dict[str, Any]] = (await street.ok(client.get, f"/v1/allocations?purchase_id={delivery.id}"))["items"]
    return found


async def _shortages(street: Street, delivery: Delivery) -> list[dict[str, str]]:
    client = street.as_(street.official)
    found: list[dict[str, str]] = (await street.ok(client.get, f"/v1/shortages?purchase_id={delivery.id}"))["items"]
    return found


async def _state(street: Street, order: dict[str, Any]) -> str:
    return str(await street.value("SELECT state FROM orders WHERE id = :id", id=UUID(str(order["id"]))))
