"""People behind phones, and roles as the only authority (R3)."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.auth import Grant
from shared.ids import new_id
from tests.integration.registry.town import COMMUNITY, STREET, Town, ok, phone, refused
from tests.integration.service import client_of, person


@pytest.mark.feature("R3")
async def test_one_phone_is_one_person_however_many_ask_at_once(town: Town) -> None:
    number = phone()
    answers = await asyncio.gather(*(town.inside.post("/v1/people/ensure", json={"phone": number}) for _ in range(8)))
    assert len({ok(answer, 200)["id"] for answer in answers}) == 1


@pytest.mark.promise("PD3")
async def test_a_person_is_masked_and_revealed_only_for_a_purpose_that_is_logged(town: Town) -> None:
    number = phone()
    made = ok(await town.worker.post("/v1/people", json={"name": "王小明", "phone": number, "area": COMMUNITY}))
    assert (made["name"], made["phone"]) == ("王**", f"{number[3:6]}****{number[-4:]}")
    assert made["masked"] == ["name", "phone"]
    url = f"/v1/people/{made['id']}/reveal"
    refused(await town.worker.post(url, json={"fields": ["phone"]}), 403, "purpose_required")
    seen = await town.worker.post(url, json={"fields": ["phone"], "purpose": "电话核实"})
    assert seen.headers["cache-control"] == "no-store"
    assert ok(seen, 200) == {"id": made["id"], "name": None, "phone": number, "id_number": None}
    async with town.service.worker.transaction() as db:
        query = "SELECT purpose, fields FROM access_log WHERE verb = 'people.reveal' AND :id = ANY(subjects)"
        assert [tuple(row) for row in await db.execute(text(query), {"id": made["id"]})] == [("电话核实", ["phone"])]


@pytest.mark.promise("PD1")
async def test_nothing_personal_lies_in_the_tables(town: Town) -> None:
    number = phone()
    ok(await town.worker.post("/v1/people", json={"name": "慕容复", "phone": number, "area": COMMUNITY}))
    async with town.service.worker.transaction() as db:
        dump = (await db.execute(text("SELECT string_agg(p::text, '') FROM people p"))).scalar_one()
        told = (await db.execute(text("SELECT string_agg(o::text, '') FROM outbox o"))).scalar_one()
    for secret in ("慕容复", number, number[3:]):
        assert secret not in dump
        assert secret.encode().hex() not in dump
        assert secret not in told


async def test_staff_find_somebody_who_signed_in_by_phone(town: Town) -> None:
    number = phone()
    signed_in = ok(await town.inside.post("/v1/people/ensure", json={"phone": number}), 200)
    found = ok(await town.worker.post("/v1/people/search", json={"phone": number[3:]}), 200)["items"]
    assert [one["id"] for one in found] == [signed_in["id"]]
    resident, _ = await town.resident()
    refused(await resident.post("/v1/people/search", json={"phone": number}), 403, "forbidden")


async def test_a_phone_is_registered_once(town: Town) -> None:
    body = {"name": "王芳", "phone": phone(), "area": COMMUNITY}
    first = ok(await town.worker.post("/v1/people", json=body | {"id": str(new_id())}))
    refused(await town.worker.post("/v1/people", json=body), 409, "duplicate")
    again = await town.worker.post("/v1/people", json=body | {"id": first["id"]})
    assert ok(again, 200)["id"] == first["id"]
    refused(await town.worker.post("/v1/people", json=body | {"id": first["id"], "name": "李芳"}), 409, "id_conflict")


@pytest.mark.parametrize("field", [{"phone": "12345"}, {"id_number": "110105194912310021"}])
async def test_malformed_identifiers_are_named_and_not_repeated(town: Town, field: dict[str, str]) -> None:
    answer = await town.worker.post("/v1/people", json={"name": "王芳", "area": COMMUNITY} | field)
    refused(answer, 422, "validation_failed", f"/{next(iter(field))}")
    assert next(iter(field.values())) not in answer.text


@pytest.mark.feature("R3")
async def test_the_street_appoints_helpers_but_not_who_accepts_agreements(town: Town) -> None:
    _, helper = await town.resident()
    worker = {"person_id": str(helper), "role": "community_worker", "area": COMMUNITY}
    made = ok(await town.street.post("/v1/roles", json=worker))
    assert (made["state"], made["area"]) == ("active", COMMUNITY)
    refused(await town.street.post("/v1/roles", json=worker | {"role": "committee_secretary"}), 403, "forbidden")
    refused(await town.street.post("/v1/roles", json=worker | {"area": "42.01.12.014"}), 403, "forbidden")
    refused(await town.worker.post("/v1/roles", json=worker), 403, "forbidden")
    ok(await town.admin.post("/v1/roles", json=worker | {"role": "committee_secretary"}))


@pytest.mark.feature("R3")
async def test_nobody_gives_a_role_to_themselves(town: Town) -> None:
    _, official = await town.resident()
    client = town.service.client(person(Grant("street_official", area=STREET), id=official))
    body = {"person_id": str(official), "role": "community_worker", "area": COMMUNITY}
    refused(await client.post("/v1/roles", json=body), 403, "forbidden")


async def test_a_role_is_given_once_and_ends_with_its_event(town: Town) -> None:
    own, helper = await town.resident()
    body = {"person_id": str(helper), "role": "building_head", "area": town.building}
    role = ok(await town.worker.post("/v1/roles", json=body))
    refused(await town.worker.post("/v1/roles", json=body), 409, "duplicate")
    assert [one["id"] for one in ok(await own.get("/v1/roles"), 200)["items"]] == [role["id"]]
    url = f"/v1/roles/{role['id']}/end"
    ended = ok(await town.worker.post(url, json={"reason_code": "moved_away"}), 200)
    assert (ended["state"], ended["version"], ended["reason"]) == ("ended", 2, "moved_away")
    assert ok(await town.worker.post(url, json={}), 200)["version"] == 2
    assert await _events(town, role["id"]) == ["role.created", "role.ended"]


async def _events(town: Town, key: str) -> list[str]:
    async with town.service.worker.transaction() as db:
        query = "SELECT type FROM outbox WHERE key = :key ORDER BY id"
        return list((await db.execute(text(query), {"key": UUID(key)})).scalars())


@pytest.mark.feature("R3")
async def test_a_role_ends_by_itself_when_its_time_is_over(town: Town) -> None:
    _, helper = await town.resident()
    until = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    body = {"person_id": str(helper), "role": "building_head", "area": town.building, "until_at": until}
    role = ok(await town.worker.post("/v1/roles", json=body))
    await asyncio.sleep(1.2)
    await town.service.run_timers()
    found = ok(await town.worker.get(f"/v1/roles/{role['id']}"), 200)
    assert (found["state"], found["reason"]) == ("ended", "until_reached")


async def test_a_store_manager_belongs_to_a_store(town: Town) -> None:
    _, manager = await town.resident()
    body = {"person_id": str(manager), "role": "store_manager"}
    refused(
        await town.street.post("/v1/roles", json=body | {"area": STREET}), 422, "validation_failed", "/organization_id"
    )
    refused(await town.street.post("/v1/roles", json=body | {"organization_id": str(new_id())}), 409, "not_yet_known")


async def test_a_role_in_no_place_is_refused(town: Town) -> None:
    _, helper = await town.resident()
    body = {"person_id": str(helper), "role": "building_head", "area": f"{COMMUNITY}.c99.b1"}
    refused(await town.worker.post("/v1/roles", json=body), 422, "validation_failed", "/area")


@pytest.mark.feature("G2")
async def test_an_api_client_does_what_its_scopes_name_and_no_more(town: Town) -> None:
    await town.household()
    client = town.service.client(client_of(Grant("street_official", area=STREET), scopes=frozenset({"places.read"})))
    ok(await client.get("/v1/places", params={"area": town.compound}), 200)
    for path in ("households", "people", "roles", "notices"):
        refused(await client.get(f"/v1/{path}"), 403, "forbidden")
    body = {"area": STREET, "kind": "orders.quota", "values": {}}
    refused(await client.post("/v1/policies", json=body), 403, "forbidden")
