"""From a notice to an emergency and sealed compounds; policies (R2, R15, R17)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from shared.auth import Grant
from shared.ids import new_id
from tests.integration.registry.town import COMMUNITY, STREET, Town, ok, refused
from tests.integration.service import client_of, person

NOTICE = {
    "number": "第12号",
    "title": "武汉市新冠肺炎疫情防控指挥部通告",
    "issuer": "武汉市新冠肺炎疫情防控指挥部",
    "body": "在全市范围内所有住宅小区实行封闭管理。",
    "region_codes": ["420100000000"],
    "legal_basis": "传染病防治法",
    "place_state": "sealed_management",
    "issued_at": "2020-02-10T12:00:00+08:00",
    "from_at": "2020-02-11T00:00:00+08:00",
}


async def state_of(town: Town, area: str) -> dict[str, Any]:
    found = ok(await town.worker.get("/v1/places", params={"area": area}), 200)["items"]
    return next(one for one in found if one["area"] == area)


async def received(town: Town, **fields: Any) -> dict[str, Any]:
    """A notice as the gateway carries it: acting for the city command, with the message's id as key."""
    message = str(new_id())
    command = client_of(Grant("street_official", area="42.01"), scopes=frozenset({"notices.create"}))
    gateway = town.service.client(command, {"Idempotency-Key": message})
    return ok(await gateway.post("/v1/notices", json=NOTICE | {"message_id": message} | fields))


@pytest.mark.feature("R2", "R17")
async def test_a_notice_opens_the_emergency_and_seals_the_compounds_of_the_street(town: Town) -> None:
    notice = await received(town)
    assert (notice["state"], notice["areas"]) == ("received", ["42.01"])
    applied = ok(await town.street.post(f"/v1/notices/{notice['id']}/apply", json={}), 200)
    assert (applied["state"], applied["applied_areas"]) == ("applied", [STREET])
    emergency = ok(await town.worker.get(f"/v1/emergencies/{applied['emergency_id']}"), 200)
    assert (emergency["state"], emergency["areas"], emergency["legal_basis"]) == ("active", [STREET], "传染病防治法")
    compound = await state_of(town, town.compound)
    assert (compound["state"], compound["state_notice_id"]) == ("sealed_management", notice["id"])
    later = ok(
        await town.worker.post("/v1/places", json={"parent_code": "420112013001", "kind": "compound", "name": "新小区"})
    )
    assert later["state"] == "sealed_management"
    again = ok(await town.street.post(f"/v1/notices/{notice['id']}/apply", json={}), 200)
    assert again["version"] == applied["version"]

    made = await town.household(flags=["infant"])
    assert made["emergency_id"] == emergency["id"]
    await _epidemic_free_and_back(town, compound["id"])
    closed = ok(await town.street.post(f"/v1/emergencies/{emergency['id']}/close", json={"note": "解除"}), 200)
    assert (closed["state"], closed["version"]) == ("closed", emergency["version"] + 1)
    assert (await town.household("1301"))["emergency_id"] is None


async def _epidemic_free_and_back(town: Town, compound_id: str) -> None:
    body = {"place_id": compound_id, "state": "epidemic_free"}
    refused(await town.worker.post("/v1/place-states", json=body), 403, "forbidden")
    free = ok(await town.street.post("/v1/place-states", json=body))
    assert (await state_of(town, town.compound))["state"] == "epidemic_free"
    ok(await town.street.post(f"/v1/place-states/{free['id']}/revoke", json={"reason_code": "new_case"}), 200)
    assert (await state_of(town, town.compound))["state"] == "sealed_management"
    async with town.service.worker.transaction() as db:
        query = "SELECT payload->>'state' FROM outbox WHERE key::text = :key ORDER BY seq"
        told = list((await db.execute(text(query), {"key": compound_id})).scalars())
    assert told[-3:] == ["sealed_management", "epidemic_free", "sealed_management"]


async def test_the_same_message_is_the_same_notice(town: Town) -> None:
    first = await received(town)
    again = await town.inside.post("/v1/notices", json=NOTICE | {"message_id": first["message_id"]})
    assert ok(again, 200)["id"] == first["id"]


@pytest.mark.parametrize(("code", "why"), [("420112013099", "unknown_code"), ("000000000000", "region_province")])
async def test_a_notice_for_no_place_is_refused(town: Town, code: str, why: str) -> None:
    answer = await town.inside.post("/v1/notices", json=NOTICE | {"region_codes": [code]})
    problem = refused(answer, 422, "validation_failed", "/region_codes/0")
    assert problem["errors"][0]["code"] == why


async def test_a_notice_for_later_takes_effect_when_its_time_comes(town: Town) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    own = ok(await town.worker.get("/v1/places", params={"area": town.compound, "kind": "compound"}), 200)["items"]
    notice = await received(town, region_codes=[], areas=[town.compound], from_at=soon)
    ok(await town.street.post(f"/v1/notices/{notice['id']}/apply", json={"place_state": "epidemic_free"}), 200)
    assert (await state_of(town, town.compound))["state"] == own[0]["state"]
    await asyncio.sleep(2.2)
    await town.service.run_timers()
    assert (await state_of(town, town.compound))["state"] == "epidemic_free"


async def test_a_street_applies_only_in_its_own_areas(town: Town) -> None:
    notice = await received(town)
    elsewhere = {"areas": ["42.01.12.014"]}
    refused(await town.street.post(f"/v1/notices/{notice['id']}/apply", json=elsewhere), 403, "forbidden")
    refused(await town.worker.post(f"/v1/notices/{notice['id']}/apply", json={}), 403, "forbidden")
    resident, _ = await town.resident()
    refused(await resident.get(f"/v1/notices/{notice['id']}"), 404, "not_found")


async def test_a_lockdown_of_a_building_begins_and_ends_by_itself(town: Town) -> None:
    building = await state_of(town, town.building)
    soon = datetime.now(UTC) + timedelta(seconds=1)
    body = {"place_id": building["id"], "state": "lockdown_control", "until_at": soon.isoformat()}
    ok(await town.street.post("/v1/place-states", json=body))
    assert (await state_of(town, town.building))["state"] == "lockdown_control"
    await asyncio.sleep(1.2)
    await town.service.run_timers()
    assert (await state_of(town, town.building))["state"] == "open"
    free = {"place_id": building["id"], "state": "epidemic_free"}
    refused(await town.street.post("/v1/place-states", json=free), 422, "validation_failed", "/state")


@pytest.mark.feature("R15")
async def test_policy_is_published_by_the_street_and_the_nearest_counts(town: Town) -> None:
    quota = {"area": STREET, "kind": "orders.quota", "values": {"days_between_orders": 7}}
    refused(await town.worker.post("/v1/policies", json=quota), 403, "forbidden")
    made = ok(await town.street.post("/v1/policies", json=quota))
    params = {"area": town.compound, "kind": "orders.quota"}
    (found,) = ok(await town.worker.get("/v1/policies/effective", params=params), 200)["items"]
    assert (found["values"], found["policy"]["id"]) == ({"days_between_orders": 7}, made["id"])
    (elsewhere,) = ok(await town.worker.get("/v1/policies/effective", params=params | {"area": "42.01.12.014"}), 200)[
        "items"
    ]
    assert (elsewhere["values"], elsewhere["policy"]) == ({"days_between_orders": 0}, None)
    wrong = quota | {"values": {"days_between_orders": -1}}
    refused(await town.street.post("/v1/policies", json=wrong), 422, "validation_failed", "/values/days_between_orders")


@pytest.mark.feature("R15")
async def test_the_bound_of_proxy_consents_is_policy(town: Town) -> None:
    policy = {"area": town.compound, "kind": "registry.households", "values": {"consent_days": 7}}
    ok(await town.street.post("/v1/policies", json=policy))
    made = await town.household()
    until = (datetime.now(UTC) + timedelta(days=8)).isoformat()
    body = {"household_id": made["id"], "role": "community_worker", "given_how": "phone", "until_at": until}
    refused(await town.worker.post("/v1/consents", json=body), 422, "validation_failed", "/until_at")


async def test_a_role_elsewhere_does_not_publish_here(town: Town) -> None:
    stranger = town.service.client(person(Grant("street_official", area="42.01.12.014")))
    body = {"area": COMMUNITY, "kind": "orders.quota", "values": {}}
    refused(await stranger.post("/v1/policies", json=body), 403, "forbidden")
