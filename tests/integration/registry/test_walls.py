"""What holds for every route and every topic of registry."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from services.registry.service import SERVICE
from services.registry.uploads.loop import KINDS
from shared.auth import Grant
from shared.contracts.base import identity
from shared.contracts.registry import RECORD
from shared.ids import new_id
from shared.jobs import run_waiting, start_job
from shared.service import Resources
from tests.integration.registry.town import COMMUNITY, STREET, Town, ok, phone, upload
from tests.integration.service import Running, person, service_principal

WALLED = (
    "households",
    "household-claims",
    "household-duplicates",
    "consents",
    "people",
    "roles",
    "agreements",
    "operations",
)
SEEN_BY_ALL = ("places", "place-states", "emergencies", "organizations", "policies")


async def one_of_each(town: Town) -> dict[str, str]:
    """Collection → id of something in the town's community."""
    number = phone()
    household = await town.household("1201", phone=number)
    await town.household("1202", phone=number)
    resident, person_id = await town.resident()
    claim = ok(await resident.post("/v1/household-claims", json={"household_id": household["id"]}))
    until = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    consent = {"household_id": household["id"], "role": "building_head", "given_how": "phone", "until_at": until}
    someone = {"name": "王芳", "phone": phone(), "area": COMMUNITY}
    role = {"person_id": str(person_id), "role": "building_head", "area": town.building}
    group = {"kind": "informal_group", "name": "合唱团", "area": COMMUNITY}
    organization = ok(await town.worker.post("/v1/organizations", json=group))
    agreement = {
        "organization_id": organization["id"], "community_area": COMMUNITY, "purposes": ["culture"],
        "starts_on": "2026-01-01", "ends_on": "2099-12-31",
    }  # fmt: skip
    (place,) = ok(await town.worker.get("/v1/places", params={"area": town.entrance}), 200)["items"]
    state = {"place_id": place["id"], "state": "lockdown_control"}
    emergency = {"areas": [STREET], "title": "暴雨", "legal_basis": "突发事件应对法"}
    policy = {"area": STREET, "kind": "orders.quota", "values": {}}
    job = await upload(town.worker, town.service, "/v1/households/upload", COMMUNITY, b"area,unit\n")
    pairs = ok(await town.worker.get("/v1/household-duplicates"), 200)["items"]
    return {
        "households": household["id"],
        "household-claims": claim["id"],
        "household-duplicates": pairs[-1]["id"],
        "consents": ok(await town.worker.post("/v1/consents", json=consent))["id"],
        "people": ok(await town.worker.post("/v1/people", json=someone))["id"],
        "roles": ok(await town.worker.post("/v1/roles", json=role))["id"],
        "agreements": ok(await town.secretary.post("/v1/agreements", json=agreement))["id"],
        "operations": job["id"],
        "places": place["id"],
        "place-states": ok(await town.street.post("/v1/place-states", json=state))["id"],
        "emergencies": ok(await town.street.post("/v1/emergencies", json=emergency))["id"],
        "organizations": organization["id"],
        "policies": ok(await town.street.post("/v1/policies", json=policy))["id"],
    }


def calls(service: Running, ids: dict[str, str]) -> Iterator[tuple[str, str, str, Any]]:
    """Every operation on one thing: collection, method, address, and a body that fits."""
    document = service.app.openapi()
    for path, methods in document["paths"].items():
        collection = path.split("/")[2]
        if "{" not in path or collection not in ids:
            continue
        address = path.partition("{")[0] + ids[collection] + path.partition("}")[2]
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            schema = document["components"]["schemas"].get(name, {})
            yield collection, method.upper(), address, schema.get("example", {})


async def call(client: httpx.AsyncClient, method: str, address: str, body: Any) -> httpx.Response:
    if method == "GET":
        return await client.get(address)
    return await client.request(method, address, json=body, headers={"If-Match": '"1"'} if method == "PATCH" else {})


@pytest.mark.promise("AZ1")
async def test_another_communitys_staff_gets_nowhere_by_any_route(town: Town) -> None:
    ids = await one_of_each(town)
    roles = ("community_worker", "committee_secretary", "building_head", "grid_worker")
    stranger = town.service.client(person(*(Grant(role, area=f"{STREET}.002") for role in roles)))
    resident, _ = await town.resident()
    before = await _recorded(town)
    tried = set()
    for collection, method, address, body in calls(town.service, ids):
        tried.add(collection)
        for somebody in (stranger, resident):
            answer = await call(somebody, method, address, body)
            if collection in WALLED:
                assert answer.status_code == 404, (method, address, answer.text)
            else:
                assert answer.status_code == (200 if method == "GET" else 403), (method, address, answer.text)
    assert tried == {*WALLED, *SEEN_BY_ALL}
    assert await _recorded(town) == before


async def _recorded(town: Town) -> int:
    async with town.service.worker.transaction() as db:
        return int((await db.execute(text("SELECT count(*) FROM outbox"))).scalar_one())


@pytest.mark.promise("AZ3")
async def test_no_route_answers_without_a_token(town: Town) -> None:
    nobody = town.service.client()
    for path, methods in town.service.app.openapi()["paths"].items():
        for method in methods:
            answer = await nobody.request(method.upper(), path.replace("{", "").replace("}", ""))
            assert answer.status_code in (401, 422), (method, path, answer.text)
            if "{" not in path:
                assert answer.status_code == 401, (method, path, answer.text)


@pytest.mark.promise("EB8")
async def test_a_snapshot_is_what_the_last_event_said(town: Town) -> None:
    """So that copies made from snapshots and copies made from events have one hash."""
    await one_of_each(town)
    last = "SELECT DISTINCT ON (key) key, type, payload FROM outbox WHERE topic = :topic ORDER BY key, seq DESC"
    async with town.service.worker.transaction() as db:
        for topic, snapshot in SERVICE.snapshots.items():
            told = {row.key: row.payload for row in await db.execute(text(last), {"topic": topic.name})}
            owned = {identity(state).id: state async for state in snapshot(db)}
            assert told.keys() == owned.keys(), topic.name
            for key, state in owned.items():
                assert topic.payload.model_validate(told[key]).to_json() == state.to_json(), (topic.name, key)


@pytest.mark.feature("R14")
async def test_an_upload_that_was_cut_off_is_begun_again(town: Town) -> None:
    content = f"area,unit\n{town.entrance},101\n{town.entrance},102\n".encode()
    resources = await Resources.open(SERVICE, worker=True)
    try:
        async with resources.db.transaction() as db:
            job = await start_job(db, service_principal(), resources.vault, "households.upload", COMMUNITY, content)
            job.state = "running"

        async def cut_off(_: int) -> None:
            raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            await KINDS["households.upload"].check(resources, job, content, cut_off)
        assert await _staged(town, job.id) == 2
        assert await run_waiting(resources, RECORD, KINDS) == 1
        assert await _staged(town, job.id) == 2
    finally:
        await resources.close()


async def _staged(town: Town, job_id: UUID) -> int:
    async with town.service.worker.transaction() as db:
        query = text("SELECT count(*) FROM staged_households WHERE job_id = :job")
        return int((await db.execute(query, {"job": job_id})).scalar_one())


@pytest.mark.feature("R14")
async def test_what_changed_while_an_upload_waited_applies_nothing(town: Town) -> None:
    content = f"area,unit\n{town.entrance},201\n{town.entrance},202\n".encode()
    job = await upload(town.worker, town.service, "/v1/households/upload", COMMUNITY, content)
    await town.household("202")
    ok(await town.worker.post(f"/v1/operations/registry/{job['id']}/confirm"), 200)
    resources = await Resources.open(SERVICE, worker=True)
    try:
        await run_waiting(resources, RECORD, KINDS)
    finally:
        await resources.close()
    done = ok(await town.worker.get(f"/v1/operations/registry/{job['id']}"), 200)
    assert (done["state"], done["problem"]["code"]) == ("failed", "duplicate")
    door = {"area": town.entrance, "unit": "201"}
    assert ok(await town.worker.post("/v1/households/search", json=door), 200)["items"] == []


@pytest.mark.promise("ID3")
async def test_one_key_is_one_household(town: Town) -> None:
    key = {"Idempotency-Key": str(new_id())}
    body = {"area": town.entrance, "unit": "1"}
    first = ok(await town.worker.post("/v1/households", json=body, headers=key))
    again = await town.worker.post("/v1/households", json=body, headers=key)
    assert (ok(again)["id"], again.headers["idempotency-replayed"]) == (first["id"], "true")
    other = await town.worker.post("/v1/households", json=body | {"unit": "2"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
