"""A lot is recalled: it reaches every bag that holds it, also those collected long ago, and no other."""

from typing import Any
from uuid import UUID

import pytest

from tests.integration.orders.delivery import Delivery
from tests.integration.orders.street import Street

pytestmark = pytest.mark.feature("O9")


async def test_a_recall_flags_packed_and_collected_bags_and_tells_their_households(street: Street) -> None:
    delivery, [collected, packed, without] = await _packed(street)
    await _hand_over(street, collected)
    lot = await _lot(street, delivery, "pork")
    body = {"reason_code": "contaminated"}
    recalled = await street.ok(street.as_(street.official).post, f"/v1/lots/{lot['id']}/recall", body)
    assert (recalled["reason"], recalled["recalled_by"]) == ("contaminated", str(street.official.id))
    assert await _flags(street, collected, packed, without) == [True, True, False]
    for bag in (collected, packed):
        type, payload = (await street.events(bag["id"]))[-1]
        assert (type, payload["recalled"]) == ("parcel.recalled", True)
    assert (await street.events(collected["id"]))[-1][1]["state"] == "collected_at_gate"


async def test_a_recalled_bag_is_not_handed_over_and_the_lot_goes_into_no_other_bag(street: Street) -> None:
    delivery, [bag, other, _] = await _packed(street, pack=1)
    lot = await _lot(street, delivery, "pork")
    await street.ok(street.as_(street.official).post, f"/v1/lots/{lot['id']}/recall", {"reason_code": "spoiled"})
    await street.ok(street.worker().post, f"/v1/parcels/{bag['id']}/stage", {})
    answer = await street.worker().post(f"/v1/parcels/{bag['id']}/hand-over", json={})
    assert answer.status_code == 409
    answer = await street.worker().post(f"/v1/parcels/{other['id']}/pack", json={"bags": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "out_of_stock")


async def test_recalling_twice_happens_once(street: Street) -> None:
    delivery, _ = await _packed(street)
    lot = await _lot(street, delivery, "pork")
    official = street.as_(street.official)
    first = await street.ok(official.post, f"/v1/lots/{lot['id']}/recall", {"reason_code": "spoiled"})
    second = await street.ok(official.post, f"/v1/lots/{lot['id']}/recall", {"reason_code": "other"})
    assert (first["version"], second["version"], second["reason"]) == (2, 2, "spoiled")


async def test_the_store_recalls_its_own_lot_without_seeing_a_bag(street: Street) -> None:
    delivery, [bag, _, _] = await _packed(street)
    lot = await _lot(street, delivery, "pork")
    store = street.as_(street.manager)
    await street.ok(store.post, f"/v1/lots/{lot['id']}/recall", {"reason_code": "contaminated"})
    assert (await store.get(f"/v1/parcels/{bag['id']}")).status_code == 404
    assert await _flags(street, bag) == [True]


async def test_a_community_worker_cannot_recall_what_went_to_other_communities(street: Street) -> None:
    delivery, _ = await _packed(street)
    lot = await _lot(street, delivery, "pork")
    answer = await street.worker().post(f"/v1/lots/{lot['id']}/recall", json={"reason_code": "spoiled"})
    assert answer.status_code == 403


async def test_one_lot_that_came_to_two_gates_is_one_lot(street: Street) -> None:
    delivery = await Delivery.opened(street)
    for community in (0, 1):
        [home] = await street.homes(1, community)
        await delivery.order(home, community, pork=1)
    await delivery.sent()
    await delivery.confirmed()
    await delivery.received(0)
    await delivery.received(1)
    lots = (await street.ok(street.worker().get, f"/v1/lots?purchase_id={delivery.id}&lot_no=L1"))["items"]
    assert len(lots) == 1
    assert (await street.ok(street.worker().get, f"/v1/lots?purchase_id={delivery.id}&recalled=true"))["items"] == []


async def _packed(street: Street, pack: int = 3) -> tuple[Delivery, list[dict[str, Any]]]:
    """Two bags with pork and one without; the first ``pack`` of them packed."""
    delivery = await Delivery.opened(street)
    wishes: list[dict[str, int]] = [{"pork": 1}, {"pork": 1}, {"rice": 1}]
    homes = await street.homes(3)
    orders = [await delivery.order(home, 0, "refund", None, **wish) for home, wish in zip(homes, wishes, strict=True)]
    await delivery.sent()
    await delivery.confirmed()
    await delivery.received(0)
    bags = []
    for order in orders:
        page = await street.ok(street.worker().get, f"/v1/parcels?order_id={order['id']}")
        bags.append(page["items"][0])
    for bag in bags[:pack]:
        await street.ok(street.worker().post, f"/v1/parcels/{bag['id']}/pack", {"bags": 1})
    return delivery, bags


async def _hand_over(street: Street, bag: dict[str, Any]) -> None:
    for verb in ("stage", "hand-over"):
        await street.ok(street.worker().post, f"/v1/parcels/{bag['id']}/{verb}", {})


async def _lot(street: Street, delivery: Delivery, name: str) -> dict[str, Any]:
    path = f"/v1/lots?purchase_id={delivery.id}&item_id={street.items[name]}"
    [lot] = (await street.ok(street.as_(street.official).get, path))["items"]
    found: dict[str, Any] = lot
    return found


async def _flags(street: Street, *bags: dict[str, Any]) -> list[bool]:
    return [await street.value("SELECT recalled FROM parcels WHERE id = :id", id=UUID(bag["id"])) for bag in bags]
