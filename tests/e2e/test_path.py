"""The first half of the day through the gateway alone: from the city's notice to what a household sees at home."""

import pytest

from demo.seed import STREET_AREA
from demo.world import community
from tests.e2e.town import Town


@pytest.mark.feature("G1")
async def test_one_api_for_four_services(town: Town) -> None:
    merged = await town.api.as_(None).get("/v1/openapi.json")
    assert merged["openapi"].startswith("3.1")
    for path in ("/v1/households", "/v1/orders", "/v1/volunteers", "/v1/webhook-endpoints"):
        assert path in merged["paths"], path
        assert set(await town.world.official.get(f"{path}?limit=1")) == {"items", "next_cursor"}, path


@pytest.mark.feature("G4")
@pytest.mark.feature("R2")
async def test_a_signed_notice_opens_an_emergency(town: Town) -> None:
    (notice,) = [one for one in await town.world.official.items("/v1/notices") if one["number"] == "第12号"]
    emergency = await town.world.official.get(f"/v1/emergencies/{notice['emergency_id']}")
    assert emergency["closed_at"] is None
    home = town.homes(1, by_phone=False)[0]
    compound = ".".join(home.area.split(".")[:6])
    (place,) = [p for p in await town.world.official.items(f"/v1/places?area={compound}") if p["area"] == compound]
    assert place["state"] == "sealed_management"
    assert place["state_notice_id"] == notice["id"]


@pytest.mark.feature("G2")
async def test_sign_in_says_who_one_is(town: Town) -> None:
    me = await town.world.workers[1].get("/v1/me")
    assert [(role["role"], role["area"]) for role in me["roles"]] == [("community_worker", community(1))]
    status, problem = await town.call(None, "GET", "/v1/me")
    assert (status, problem["code"]) == (401, "unauthenticated")


@pytest.mark.feature("R4")
@pytest.mark.feature("R14")
async def test_uploaded_households_are_claimed(town: Town) -> None:
    households = await town.world.workers[1].items(f"/v1/households?area={community(1)}")
    assert len(households) == len([home for home in town.world.homes if home.community == 1])
    _, claim = await town.claim(town.homes(1, by_phone=False)[-1], with_code=False)
    assert claim["state"] == "pending"
    confirmed = await town.world.workers[1].post(f"/v1/household-claims/{claim['id']}/confirm")
    assert confirmed["state"] == "confirmed"


@pytest.mark.feature("O3")
@pytest.mark.feature("G6")
@pytest.mark.feature("X2")
async def test_orders_by_app_and_phone_and_what_the_resident_sees(town: Town) -> None:
    by_app, elder = town.homes(1, by_phone=False)[0], town.homes(1, by_phone=True)[0]
    resident, worker = await town.resident(by_app), town.world.workers[1]
    round_ = await town.open_round(1)
    order = await town.place(resident, town.order(round_, by_app, qty=2))
    assert order["state"] == "placed"
    assert order["owed"] == {"amount_fen": 6400, "currency": "CNY"}

    found = await worker.search("/v1/households/search", {"phone": elder.phone})
    assert [one["id"] for one in found["items"]] == [town.order(round_, elder)["household_id"]]
    phoned = await town.place(worker, town.order(round_, elder, channel="phone"))
    assert phoned["channel"] == "phone"
    assert phoned["consent_id"]
    assert phoned["buyer_id"] is None

    home = await resident.get("/v1/views/resident-home")
    assert not home["partial"]
    assert {part["state"] for part in home["parts"]} == {"ok"}
    (seen,) = [one for one in home["orders"] if one["id"] == order["id"]]
    assert [(line["requested"], line["allocated"]) for line in seen["lines"]] == [(2, None)]
    (money,) = [one for account in home["money"] for one in account["orders"] if one["order_id"] == order["id"]]
    assert money["memo"] == order["code"]
    assert money["outstanding"]["amount_fen"] == 6400


@pytest.mark.feature("G3")
@pytest.mark.feature("G14")
@pytest.mark.feature("G6")
async def test_the_store_hears_answers_short_and_the_household_is_told_once(town: Town) -> None:
    home = town.homes(2, by_phone=False)[0]
    purchase_id, order = await town.sent_purchase(2, home, qty=3)
    resident = town.world.residents[home.line]
    sent = await town.receiver.heard("purchase.sent", purchase_id)
    assert sent["data"]["area"] in (STREET_AREA, community(2))
    assert town.receiver.refused == 0

    lines = [{"item_id": line["item_id"], "confirmed_qty": 2} for line in order["lines"]]
    message_id = await town.confirm_purchase(purchase_id, lines)
    await town.receiver.heard("inbound_message.applied", message_id)
    await town.receiver.heard("purchase.confirmed", purchase_id)
    assert len(await town.told_of_shortage(resident)) == 1
    (shortage,) = (await resident.get("/v1/views/resident-home"))["shortages"]
    assert shortage["purchase_id"] == purchase_id
    assert shortage["zh"]
    assert shortage["en"]
    assert [line["allocated"] for line in (await resident.get(f"/v1/orders/{order['id']}"))["lines"]] == [2]
    assert len(town.receiver.ids) == len(set(town.receiver.ids))
