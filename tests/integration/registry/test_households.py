"""Households, claims, proxy consents, look-ups and merging (R4)."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from shared.auth import Grant
from shared.ids import new_id
from tests.integration.registry.town import COMMUNITY, Town, ok, phone, refused
from tests.integration.service import person

SOON = (datetime.now(UTC) + timedelta(days=60)).isoformat()


async def thin_state(town: Town, household_id: str) -> dict[str, Any]:
    """What others know of it: the payload of its last event."""
    async with town.service.worker.transaction() as db:
        query = "SELECT payload FROM outbox WHERE key = :key ORDER BY seq DESC LIMIT 1"
        found: dict[str, Any] = (await db.execute(text(query), {"key": UUID(household_id)})).scalar_one()
        return found


async def codes(town: Town) -> dict[str, str]:
    """Household → code, as the community worker prints them."""
    wanted = {"area": town.compound, "purpose": "发放认领码", "format": "csv"}
    answer = await town.worker.post("/v1/households/export", json=wanted)
    assert answer.status_code == 200, answer.text
    return {row["household_id"]: row["code"] for row in csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff")))}


@pytest.mark.feature("R4")
async def test_a_household_is_masked_and_its_door_is_not_in_its_area(town: Town) -> None:
    made = await town.household(contact_name="王芳", phone="13800138000", flags=["elderly_alone"], flags_consent="oral")
    assert (made["area"], made["door"], made["contact_name"], made["phone"]) == (
        town.entrance, "****", "王*", "138****8000",
    )  # fmt: skip
    assert (made["flags"], made["priority_class"]) == (None, 2)
    assert made["masked"] == ["contact_name", "door", "flags", "phone"]
    told = await thin_state(town, made["id"])
    assert told == {
        "id": made["id"], "version": 1, "area": town.entrance, "priority_class": 2, "claims": [], "consents": [],
        "notify": "sms", "merged_into": None, "state": "active",
    }  # fmt: skip


@pytest.mark.promise("PD4")
async def test_flags_need_consent(town: Town) -> None:
    body = {"area": town.entrance, "unit": "301", "flags": ["infant"]}
    refused(await town.worker.post("/v1/households", json=body), 403, "consent_required")


async def test_one_door_is_one_household(town: Town) -> None:
    first = await town.household("1201")
    answer = await town.worker.post("/v1/households", json={"area": town.entrance, "unit": "１２０１室"})
    assert refused(answer, 409, "duplicate")["household_id"] == first["id"]


async def test_a_household_lies_in_a_building_that_is_there(town: Town) -> None:
    for area in (town.compound, f"{town.compound}.b99"):
        answer = await town.worker.post("/v1/households", json={"area": area, "unit": "1"})
        refused(answer, 422, "validation_failed", "/area")


@pytest.mark.promise("AZ1")
async def test_another_community_sees_and_changes_nothing(town: Town) -> None:
    made = await town.household()
    stranger = town.service.client(person(Grant("community_worker", area="42.01.12.013.002")))
    url = f"/v1/households/{made['id']}"
    refused(await stranger.get(url), 404, "not_found")
    refused(await stranger.patch(url, json={"size": 3}, headers={"If-Match": '"1"'}), 404, "not_found")
    refused(await stranger.post(f"{url}/reveal", json={"fields": ["phone"], "purpose": "好奇"}), 404, "not_found")
    assert ok(await stranger.get("/v1/households", params={"area": COMMUNITY}), 200)["items"] == []
    assert ok(await stranger.post("/v1/households/search", json={"area": town.entrance, "unit": "1201"}), 200) == {
        "items": []
    }


async def test_a_change_wants_the_version_that_was_read(town: Town) -> None:
    made = await town.household()
    url = f"/v1/households/{made['id']}"
    refused(await town.worker.patch(url, json={"size": 3}), 428, "if_match_missing")
    changed = ok(await town.worker.patch(url, json={"size": 3, "notify": "call"}, headers={"If-Match": '"1"'}), 200)
    assert (changed["size"], changed["notify"], changed["version"]) == (3, "call", 2)
    stale = await town.worker.patch(url, json={"size": 4}, headers={"If-Match": '"1"'})
    assert refused(stale, 412, "version_mismatch")["current_version"] == 2
    same = await town.worker.patch(url, json={"size": 3}, headers={"If-Match": '"1"'})
    assert ok(same, 200)["version"] == 2
    assert (await town.worker.get(url, headers={"If-None-Match": '"2"'})).status_code == 304


@pytest.mark.feature("R4")
async def test_a_code_on_paper_confirms_a_claim_at_once(town: Town) -> None:
    made = await town.household()
    resident, person_id = await town.resident()
    refused(await resident.get(f"/v1/households/{made['id']}"), 404, "not_found")
    code = (await codes(town))[made["id"]]
    body = {"area": town.entrance, "unit": "1201", "code": code}
    claim = ok(await resident.post("/v1/household-claims", json=body))
    assert (claim["state"], claim["confirmed_how"], claim["code_result"]) == ("confirmed", "code", "accepted")
    assert ok(await resident.get(f"/v1/households/{made['id']}"), 200)["version"] == 2
    told = await thin_state(town, made["id"])
    assert told["claims"] == [{"person_id": str(person_id), "state": "confirmed"}]


@pytest.mark.feature("R4")
async def test_wrong_codes_are_counted_and_then_only_a_person_can_confirm(town: Town) -> None:
    made = await town.household()
    right = (await codes(town))[made["id"]]
    resident, _ = await town.resident()
    results = []
    for _ in range(6):
        claim = await resident.post("/v1/household-claims", json={"household_id": made["id"], "code": "123456788"})
        results.append(claim.json()["code_result"])
    assert results == ["wrong"] * 5 + ["exhausted"]
    late = await resident.post("/v1/household-claims", json={"household_id": made["id"], "code": right})
    assert (late.json()["state"], late.json()["code_result"]) == ("pending", "exhausted")
    confirmed = ok(await town.head.post(f"/v1/household-claims/{late.json()['id']}/confirm", json={}), 200)
    assert (confirmed["state"], confirmed["confirmed_how"]) == ("confirmed", "building_head")


async def test_two_of_a_family_are_both_told(town: Town) -> None:
    made = await town.household()
    code = (await codes(town))[made["id"]]
    people = []
    for _ in range(2):
        resident, person_id = await town.resident()
        ok(await resident.post("/v1/household-claims", json={"household_id": made["id"], "code": code}))
        people.append(str(person_id))
    told = await thin_state(town, made["id"])
    assert sorted(claim["person_id"] for claim in told["claims"]) == sorted(people)


async def test_a_claim_waits_for_the_neighbor_in_charge(town: Town) -> None:
    made = await town.household()
    resident, person_id = await town.resident()
    claim = ok(await resident.post("/v1/household-claims", json={"household_id": made["id"]}))
    assert claim["state"] == "pending"
    refused(await resident.post("/v1/household-claims", json={"household_id": made["id"]}), 409, "duplicate")
    url = f"/v1/household-claims/{claim['id']}"
    refused(await resident.post(f"{url}/confirm", json={}), 403, "forbidden")
    stranger = town.service.client(person(Grant("building_head", area=f"{town.compound}.b99")))
    refused(await stranger.post(f"{url}/confirm", json={}), 404, "not_found")
    itself = town.service.client(person(Grant("building_head", area=town.building), id=person_id))
    refused(await itself.post(f"{url}/confirm", json={}), 403, "forbidden")
    waiting = ok(await town.head.get("/v1/household-claims", params={"state": "pending"}), 200)["items"]
    assert claim["id"] in [one["id"] for one in waiting]
    ok(await town.head.post(f"{url}/confirm", json={}), 200)
    assert ok(await town.head.post(f"{url}/confirm", json={}), 200)["version"] == 2


async def test_who_moves_out_loses_sight_of_the_household(town: Town) -> None:
    made = await town.household()
    resident, _ = await town.resident()
    claim = ok(await resident.post("/v1/household-claims", json={"household_id": made["id"]}))
    ok(await town.head.post(f"/v1/household-claims/{claim['id']}/confirm", json={}), 200)
    gone = ok(await resident.post(f"/v1/household-claims/{claim['id']}/refuse", json={"note": "moved out"}), 200)
    assert gone["state"] == "refused"
    refused(await resident.get(f"/v1/households/{made['id']}"), 404, "not_found")
    told = await thin_state(town, made["id"])
    assert (told["version"], told["claims"]) == (3, [])


async def test_nobody_lives_where_no_household_is_registered(town: Town) -> None:
    resident, _ = await town.resident()
    answer = await resident.post("/v1/household-claims", json={"area": town.entrance, "unit": "9999"})
    refused(answer, 422, "validation_failed", "/unit")


@pytest.mark.feature("R4")
async def test_proxy_consent_says_who_for_whom_how_and_until_when(town: Town) -> None:
    made = await town.household()
    body = {"household_id": made["id"], "role": "community_worker", "given_how": "phone", "until_at": SOON}
    consent = ok(await town.worker.post("/v1/consents", json=body))
    assert (consent["role_area"], consent["state"]) == (COMMUNITY, "active")
    (told,) = (await thin_state(town, made["id"]))["consents"]
    assert (told["role"], told["area"]) == ("community_worker", COMMUNITY)
    withdrawn = ok(await town.worker.post(f"/v1/consents/{consent['id']}/withdraw", json={}), 200)
    assert withdrawn["state"] == "withdrawn"
    assert (await thin_state(town, made["id"]))["consents"] == []


async def test_a_consent_ends_by_itself(town: Town) -> None:
    made = await town.household()
    until = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    body = {"household_id": made["id"], "role": "community_worker", "given_how": "phone", "until_at": until}
    consent = ok(await town.worker.post("/v1/consents", json=body))
    await asyncio.sleep(1.2)
    await town.service.run_timers()
    assert ok(await town.worker.get(f"/v1/consents/{consent['id']}"), 200)["state"] == "expired"
    assert (await thin_state(town, made["id"]))["consents"] == []


async def test_a_resident_gives_consent_for_the_own_household_only(town: Town) -> None:
    own, other = await town.household("101"), await town.household("102")
    resident, _ = await town.resident()
    _, neighbor = await town.resident()
    code = (await codes(town))[own["id"]]
    ok(await resident.post("/v1/household-claims", json={"household_id": own["id"], "code": code}))
    body = {"person_id": str(neighbor), "given_how": "app", "until_at": SOON}
    ok(await resident.post("/v1/consents", json=body | {"household_id": own["id"]}))
    answer = await resident.post("/v1/consents", json=body | {"household_id": other["id"]})
    assert answer.status_code in (409, 422)
    late = (datetime.now(UTC) + timedelta(days=400)).isoformat()
    answer = await resident.post("/v1/consents", json=body | {"household_id": own["id"], "until_at": late})
    refused(answer, 422, "validation_failed", "/until_at")


@pytest.mark.feature("R4")
async def test_merged_households_leave_an_alias_and_history(town: Town) -> None:
    number = phone()
    first, second = await town.household("501", phone=number), await town.household("502", phone=number)
    pairs = ok(await town.worker.get("/v1/household-duplicates", params={"state": "open"}), 200)["items"]
    assert {first["id"], second["id"]} in [{one["first_id"], one["second_id"]} for one in pairs]
    resident, person_id = await town.resident()
    claim = ok(await resident.post("/v1/household-claims", json={"household_id": second["id"]}))
    ok(await town.head.post(f"/v1/household-claims/{claim['id']}/confirm", json={}), 200)
    merged = ok(await town.worker.post(f"/v1/households/{second['id']}/merge", json={"into_id": first["id"]}), 200)
    assert (merged["state"], merged["merged_into"]) == ("merged", first["id"])
    told = await thin_state(town, first["id"])
    assert [one["person_id"] for one in told["claims"]] == [str(person_id)]
    assert (await thin_state(town, second["id"]))["merged_into"] == first["id"]
    ok(await resident.get(f"/v1/households/{first['id']}"), 200)
    await town.household("502")  # the door is free again
    async with town.service.worker.transaction() as db:
        query = "SELECT into_id::text FROM household_merges WHERE from_id = :id"
        assert list((await db.execute(text(query), {"id": UUID(second["id"])})).scalars()) == [first["id"]]


async def service_call(client: httpx.AsyncClient, verb: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = ok(await client.post(f"/v1/households/{verb}", json=body), 200)["rows"]
    return rows


async def test_only_services_resolve_doors_and_ask_for_contacts(town: Town) -> None:
    made = await town.household("1201", contact_name="王芳", phone="13800138000")
    row = {"area": town.compound, "building": "8栋", "unit": "1201室"}
    doors = {"purpose": "接龙导入", "rows": [row | {"row_id": "1", "entrance": "1"}, row | {"row_id": "2"},
             row | {"row_id": "3", "entrance": "2"}, row | {"row_id": "4", "unit": "??"}]}  # fmt: skip
    refused(await town.worker.post("/v1/households/resolve", json=doors), 403, "forbidden")
    found = await service_call(town.inside, "resolve", doors)
    assert {one["row_id"]: one["household_ids"] for one in found} == {
        "1": [made["id"]], "2": [made["id"]], "3": [], "4": [],
    }  # fmt: skip
    unknown = str(new_id())
    wanted = {"purpose": "派送", "household_ids": [made["id"], unknown], "fields": ["phone", "door"]}
    refused(await town.worker.post("/v1/households/contacts", json=wanted), 403, "forbidden")
    refused(await town.inside.post("/v1/households/contacts", json=wanted | {"purpose": ""}), 403, "purpose_required")
    known, missing = await service_call(town.inside, "contacts", wanted)
    assert (known["phone"], known["floor"], known["unit"], known["contact_name"]) == (
        "+8613800138000",
        12,
        "1201",
        None,
    )
    assert (missing["household_id"], missing["missing"]) == (unknown, True)


async def test_the_slips_are_a_pdf_for_staff_of_the_area(town: Town) -> None:
    await town.household()
    wanted = {"area": town.compound, "purpose": "发放认领码"}
    answer = await town.worker.post("/v1/households/export", json=wanted)
    assert (answer.headers["content-type"], answer.content[:4]) == ("application/pdf", b"%PDF")
    resident, _ = await town.resident()
    refused(await resident.post("/v1/households/export", json=wanted), 403, "forbidden")
