"""Who may sell to whom, and where every price comes from."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.auth import Grant
from shared.contracts.registry import OrganizationV1
from shared.ids import new_id
from tests.integration.orders.street import Street, at, money
from tests.integration.service import person

pytestmark = pytest.mark.feature("O1")


async def _store(street: Street) -> OrganizationV1:
    store = OrganizationV1(
        id=new_id(), version=1, area=None, kind="store", name="中百仓储", uscc=None, filing_no=None, state="active"
    )
    await street.tell("organization_copies", store)
    return store


@pytest.mark.feature("R12")
async def test_a_pairing_needs_the_communitys_active_agreement(street: Street) -> None:
    store = await _store(street)
    body = {"area": street.communities[0], "store_id": str(store.id)}
    refused = await street.worker().post("/v1/store-pairings", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "agreement_required")
    street.store_id = store.id
    agreement = await street.agree(street.communities[0], state="proposed")
    refused = await street.worker().post("/v1/store-pairings", json=body)
    assert refused.json()["code"] == "agreement_required"
    await street.agree(street.communities[0], version=2, id=agreement)
    pairing = await street.ok(street.worker().post, "/v1/store-pairings", body)
    assert (pairing["state"], pairing["agreement_id"]) == ("active", str(agreement))
    twice = await street.worker().post("/v1/store-pairings", json=body)
    assert (twice.status_code, twice.json()["code"]) == (409, "duplicate")


async def test_a_pairing_ends(street: Street) -> None:
    params = {"area": street.communities[0], "state": "active"}
    [pairing] = (await street.ok(street.worker().get, "/v1/store-pairings", params=params))["items"]
    path = f"/v1/store-pairings/{pairing['id']}"
    assert (await street.worker(1).post(f"{path}/end", json={})).status_code == 403
    ended = await street.ok(street.worker().post, f"{path}/end", {"reason_code": "store_closed"})
    assert (ended["state"], ended["reason"], ended["version"]) == ("ended", "store_closed", 2)
    assert (await street.ok(street.worker().post, f"{path}/end", {}))["version"] == 2
    [told] = [t for kind, t in await street.events(pairing["id"]) if kind == "store_pairing.ended"]
    assert told["refs"]["store_id"] == str(street.store_id)
    purchase = await street.as_(street.official).post(
        "/v1/purchases",
        json={
            "store_id": str(street.store_id),
            "areas": street.communities,
            "delivery_on": "2099-01-01",
            "send_at": at(60),
            "items": [{"item_id": str(street.items["rice"]), "initial": 1}],
        },
    )
    assert purchase.json()["code"] == "agreement_required"


async def test_pairings_are_for_communities_and_known_stores(street: Street) -> None:
    official = street.as_(street.official)
    answer = await official.post("/v1/store-pairings", json={"area": street.area, "store_id": str(street.store_id)})
    assert answer.json()["errors"][0]["pointer"] == "/area"
    answer = await official.post("/v1/store-pairings", json={"area": street.communities[0], "store_id": str(new_id())})
    assert answer.json()["code"] == "not_yet_known"
    old = "01900000-0000-7000-8000-000000000000"
    answer = await official.post("/v1/store-pairings", json={"area": street.communities[0], "store_id": old})
    assert answer.json()["errors"][0]["pointer"] == "/store_id"


async def test_only_the_stores_own_people_keep_its_catalogue(street: Street) -> None:
    body = {"store_id": str(street.store_id), "name": "egg", "unit": "盒", "weight_g": 1500, "storage": "chilled"}
    other = person(Grant("store_manager", organization_id=new_id()))
    for who in (other, street.official, person()):
        assert (await street.as_(who).post("/v1/catalog-items", json=body)).status_code == 403
    store = street.as_(street.manager)
    item = await street.ok(store.post, "/v1/catalog-items", body)
    assert (await store.post("/v1/catalog-items", json=body)).json()["code"] == "duplicate"
    path, match = f"/v1/catalog-items/{item['id']}", {"If-Match": '"1"'}
    changed = await street.ok(store.patch, path, {"name": "eggs"}, headers=match)
    assert (changed["name"], changed["version"]) == ("eggs", 2)
    assert (await street.ok(store.patch, path, {"name": "eggs"}, headers=match))["version"] == 2
    stale = await store.patch(path, json={"name": "egg"}, headers=match)
    assert (stale.status_code, stale.json()["current_version"]) == (412, 2)
    off = await street.ok(store.patch, path, {"available": False}, headers={"If-Match": '"2"'})
    assert not off["available"]
    found = await street.ok(
        store.get, "/v1/catalog-items", params={"store_id": str(street.store_id), "available": True}
    )
    assert {row["name"] for row in found["items"]} == {"cabbage", "pork", "rice"}


async def test_a_client_id_creates_once(street: Street) -> None:
    body = {
        "id": str(new_id()),
        "store_id": str(street.store_id),
        "name": "oil",
        "unit": "桶",
        "weight_g": 5000,
        "storage": "normal",
    }
    store = street.as_(street.manager)
    assert (await store.post("/v1/catalog-items", json=body)).status_code == 201
    assert (await store.post("/v1/catalog-items", json=body)).status_code == 200
    other = await store.post("/v1/catalog-items", json=body | {"weight_g": 1})
    assert (other.status_code, other.json()["code"]) == (409, "id_conflict")


async def test_a_package_weighs_what_is_in_it(street: Street) -> None:
    def contents(**quantities: int) -> list[dict[str, Any]]:
        return [{"item_id": str(street.items[name]), "qty": qty} for name, qty in quantities.items()]

    body = {
        "store_id": str(street.store_id),
        "name": "套餐一",
        "unit": "份",
        "storage": "normal",
        "contents": contents(cabbage=3, rice=2),
    }
    store = street.as_(street.manager)
    package = await street.ok(store.post, "/v1/packages", body)
    assert package["weight_g"] == 5000
    assert package["contents"] == body["contents"]
    assert (await store.get(f"/v1/catalog-items/{package['id']}")).status_code == 404
    assert (await store.get(f"/v1/packages/{package['id']}")).status_code == 200
    wrong = await store.post("/v1/packages", json=body | {"contents": [{"item_id": str(new_id()), "qty": 1}]})
    assert wrong.json()["errors"][0]["pointer"] == "/contents/0/item_id"
    twice = await store.post("/v1/packages", json=body | {"contents": contents(rice=1) * 2})
    assert twice.json()["errors"][0]["code"] == "duplicate"


async def test_versions_of_prices_are_signed_and_then_immutable(street: Street) -> None:
    store = street.as_(street.manager)
    lines = [{"item_id": str(street.items["rice"]), "price": money(2900)}]
    body = {"store_id": str(street.store_id), "valid_from": at(0), "lines": lines}
    assert (await street.as_(street.official).post("/v1/price-lists", json=body)).status_code == 403
    draft = await street.ok(store.post, "/v1/price-lists", body)
    assert (draft["list_no"], draft["state"], draft["signed_by"]) == (2, "draft", None)
    path = f"/v1/price-lists/{draft['id']}"
    assert (await street.as_(street.official).post(f"{path}/sign", json={})).status_code == 403
    signed = await street.ok(store.post, f"{path}/sign", {})
    assert (signed["state"], signed["signed_by"], signed["version"]) == ("signed", str(street.manager.id), 2)
    assert (await street.ok(store.post, f"{path}/sign", {}))["version"] == 2
    with pytest.raises(DBAPIError, match="immutable"):
        async with street.orders.worker.transaction() as db:
            await db.execute(text("UPDATE price_list_lines SET price_fen = 1"))


@pytest.mark.parametrize(
    ("price", "code"),
    [
        ({"amount_fen": -1, "currency": "CNY"}, "bad_amount"),
        ({"amount_fen": 7.5, "currency": "CNY"}, "invalid"),
        ({"amount_fen": "700", "currency": "CNY"}, "invalid"),
        ({"amount_fen": 2**53, "currency": "CNY"}, "too_large"),
        ({"amount_fen": 700, "currency": "USD"}, "unknown_value"),
        ({"amount_fen": 700}, "required"),
    ],
    ids=["negative", "part_of_a_fen", "text", "beyond_javascript", "dollars", "no_currency"],
)
async def test_prices_are_whole_fen(street: Street, price: dict[str, Any], code: str) -> None:
    lines = [{"item_id": str(street.items["rice"]), "price": price}]
    body = {"store_id": str(street.store_id), "valid_from": at(0), "lines": lines}
    answer = await street.as_(street.manager).post("/v1/price-lists", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code), answer.text
    assert answer.json()["errors"][0]["pointer"].startswith("/lines/0/price")


async def test_a_list_names_known_items_once(street: Street) -> None:
    line = {"item_id": str(street.items["rice"]), "price": money(1)}
    body = {"store_id": str(street.store_id), "valid_from": at(0), "lines": [line, line]}
    store = street.as_(street.manager)
    assert (await store.post("/v1/price-lists", json=body)).json()["errors"][0]["code"] == "duplicate"
    unknown = body | {"lines": [line | {"item_id": str(new_id())}]}
    assert (await store.post("/v1/price-lists", json=unknown)).json()["errors"][0]["pointer"] == "/lines/0/item_id"
    backward = body | {"lines": [line], "valid_until": at(-10)}
    assert (await store.post("/v1/price-lists", json=backward)).json()["errors"][0]["pointer"] == "/valid_until"
