"""Uploads of places and households: errors per row, all or nothing (R14)."""

import time
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.registry.commands import OPERATOR
from services.registry.households.queries import snapshots
from shared.contracts.registry import HouseholdV1
from tests.integration.registry.town import COMMUNITY, STREET, Town, confirmed, ok, refused, upload, work
from tests.integration.service import Running

PLACES = "community_code,compound,building,entrance\n"
HOUSEHOLDS = "area,floor,unit,size,contact_name,phone,flags,flags_consent,notify,proxy_role,proxy_how,proxy_until\n"


def rows(town: Town, count: int) -> list[str]:
    """Lines of a list of households, each in order."""
    return [f"{town.entrance},{n % 30 + 1},{n},2,王芳,1380000{n:04d},,,sms,,,\n" for n in range(1, count + 1)]


async def number_of_households(service: Running) -> int:
    async with service.worker.transaction() as db:
        return int((await db.execute(text("SELECT count(*) FROM households"))).scalar_one())


@pytest.mark.feature("R14")
@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-8"])
async def test_places_in_every_encoding_that_chinese_spreadsheets_write(town: Town, encoding: str) -> None:
    name = f"银杏苑{encoding}"
    content = (PLACES + f"420112013002,{name},1栋,2单元\n420112013002,{name},1栋,1单元\n").encode(encoding)
    job = await confirmed(
        town.street, town.service, await upload(town.street, town.service, "/v1/places/upload", STREET, content)
    )
    assert job["counts"] == {"compounds": 1, "buildings": 1, "entrances": 2}
    found = ok(await town.street.get("/v1/places", params={"area": f"{STREET}.002", "kind": "compound"}), 200)
    compound = next(one for one in found["items"] if one["name"] == name)
    inside = ok(await town.street.get("/v1/places", params={"area": compound["area"]}), 200)["items"]
    keys = [one["area"].removeprefix(compound["area"]) for one in inside]
    assert keys == ["", ".b01", ".b01.e1", ".b01.e2"]


async def test_places_by_path_keep_the_paths_that_they_name(town: Town) -> None:
    lines = ("parent_area,kind,name,area", f"{COMMUNITY},compound,77号小区,{COMMUNITY}.c77",
             f"{COMMUNITY}.c77,building,3栋,{COMMUNITY}.c77.b03")  # fmt: skip
    job = await upload(town.street, town.service, "/v1/places/upload", STREET, "\n".join(lines).encode())
    assert (await confirmed(town.street, town.service, job))["counts"] == {
        "compounds": 1,
        "buildings": 1,
        "entrances": 0,
    }


@pytest.mark.feature("R14")
async def test_an_unknown_code_names_its_row(town: Town) -> None:
    content = (PLACES + "420112013001,甲小区,,\n420112013099,乙小区,,\n").encode()
    job = await upload(town.street, town.service, "/v1/places/upload", STREET, content)
    assert (job["state"], job["problem"]["code"]) == ("failed", "validation_failed")
    assert [(e["row"], e["column"], e["code"]) for e in job["row_errors"]] == [(3, "community_code", "unknown_code")]


@pytest.mark.feature("R14")
async def test_one_bad_row_in_3000_and_nothing_is_applied(town: Town) -> None:
    before = await number_of_households(town.service)
    lines = rows(town, 3000)
    lines[2499] = lines[2499].replace(",2,王芳,", ",two,王芳,")
    content = (HOUSEHOLDS + "".join(lines)).encode()
    job = await upload(town.worker, town.service, "/v1/households/upload", COMMUNITY, content)
    assert job["state"] == "failed"
    assert [(e["row"], e["column"]) for e in job["row_errors"]] == [(2501, "size")]
    refused(await town.worker.post(f"/v1/operations/registry/{job['id']}/confirm"), 409, "transition_not_allowed")
    await work(town.service)
    assert await number_of_households(town.service) == before
    async with town.service.worker.transaction() as db:
        left = "SELECT count(*) FROM staged_households UNION ALL SELECT count(*) FROM jobs WHERE content IS NOT NULL"
        assert list((await db.execute(text(left))).scalars()) == [0, 0]


@pytest.mark.feature("R14", "R4")
async def test_households_come_with_consents_codes_and_one_event_each(town: Town) -> None:
    lines = rows(town, 8)
    lines[0] = (
        f"{town.entrance},12,1201,1,李国强,13911112222,elderly_alone;disabled,oral,call,community_worker,phone,2027-03-01\n"
    )
    content = (HOUSEHOLDS + "".join(lines)).encode()
    job = await upload(town.worker, town.service, "/v1/households/upload", COMMUNITY, content)
    done = await confirmed(town.worker, town.service, job)
    assert done["counts"] == {"households": 8, "consents": 1, "probable_duplicates": 0}
    listed = ok(await town.worker.get("/v1/households", params={"area": town.entrance}), 200)["items"]
    assert [one["contact_name"] for one in listed if one["priority_class"] == 3] == ["李**"]
    told = await _told(town.service)
    async with town.service.worker.transaction(OPERATOR) as db:
        owned = {state.id: state.to_json() async for state in snapshots(db) if isinstance(state, HouseholdV1)}
    assert {HouseholdV1.model_validate(one).to_json() for one in told} >= {owned[_id(one)] for one in listed}


def _id(row: dict[str, Any]) -> UUID:
    return UUID(row["id"])


async def _told(service: Running) -> list[dict[str, Any]]:
    async with service.worker.transaction() as db:
        query = "SELECT payload FROM outbox WHERE topic = 'registry.household.v1' AND type = 'household.created'"
        return list((await db.execute(text(query))).scalars())


async def test_flags_without_consent_are_refused_at_their_row(town: Town) -> None:
    line = f"{town.entrance},1,9901,1,,,infant,,slip,,,\n"
    job = await upload(town.worker, town.service, "/v1/households/upload", COMMUNITY, (HOUSEHOLDS + line).encode())
    assert [(e["row"], e["column"], e["code"]) for e in job["row_errors"]] == [(2, "flags_consent", "consent_required")]


async def test_a_door_twice_in_the_file_or_registered_already_is_named(town: Town) -> None:
    await town.household("301")
    lines = [f"{town.entrance},3,{unit},1,,,,,slip,,,\n" for unit in ("301室", "302", "３０２")]
    content = (HOUSEHOLDS + "".join(lines)).encode()
    job = await upload(town.worker, town.service, "/v1/households/upload", COMMUNITY, content)
    assert sorted((e["row"], e["code"]) for e in job["row_errors"]) == [(2, "already_registered"), (4, "twice_in_file")]


async def test_a_row_outside_the_area_of_the_upload_is_refused(town: Town) -> None:
    line = f"{town.entrance},1,101,1,,,,,slip,,,\n"
    job = await upload(
        town.street, town.service, "/v1/households/upload", f"{STREET}.002", (HOUSEHOLDS + line).encode()
    )
    assert [(e["row"], e["code"]) for e in job["row_errors"]] == [(2, "outside_area")]


async def test_somebody_elses_upload_is_not_seen_and_a_cancelled_one_leaves_nothing(town: Town) -> None:
    content = (HOUSEHOLDS + rows(town, 1)[0]).encode()
    job = await upload(town.worker, town.service, "/v1/households/upload", COMMUNITY, content)
    resident, _ = await town.resident()
    refused(await resident.get(f"/v1/operations/registry/{job['id']}"), 404, "not_found")
    done = ok(await town.worker.post(f"/v1/operations/registry/{job['id']}/cancel"), 200)
    assert done["state"] == "cancelled"
    await work(town.service)
    async with town.service.worker.transaction() as db:
        assert (await db.execute(text("SELECT count(*) FROM staged_households"))).scalar_one() == 0


@pytest.mark.feature("R14")
async def test_more_than_32_mib_is_refused(town: Town) -> None:
    def chunks() -> Any:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        for _ in range(200):
            yield b"a" * (1 << 20)
        yield b"\r\n--x--\r\n"

    async def stream() -> Any:
        for chunk in chunks():
            yield chunk

    answer = await town.worker.post(
        "/v1/households/upload", content=stream(), headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    refused(answer, 413, "body_too_large")


async def test_a_resident_cannot_upload(town: Town) -> None:
    resident, _ = await town.resident()
    answer = await resident.post(
        "/v1/households/upload", files={"file": ("a.csv", b"unit\n1\n")}, data={"area": COMMUNITY}
    )
    refused(answer, 403, "forbidden")


async def test_the_file_lies_sealed_while_it_waits(town: Town) -> None:
    content = (HOUSEHOLDS + rows(town, 1)[0].replace("王芳", "独孤求败")).encode()
    job = await upload(town.worker, town.service, "/v1/households/upload", COMMUNITY, content)
    async with town.service.worker.transaction() as db:
        stored = (await db.execute(text("SELECT content FROM jobs WHERE id = :id"), {"id": job["id"]})).scalar_one()
        staged = (await db.execute(text("SELECT string_agg(s::text, '') FROM staged_households s"))).scalar_one()
    assert "独孤求败".encode() not in bytes(stored)
    assert "独孤求败" not in staged
    assert "独孤求败".encode().hex() not in staged


@pytest.mark.feature("R14")
async def test_a_whole_street_is_applied_in_minutes(town: Town) -> None:
    """The protocol's bound: applying is one transaction, which the worker's role may keep open for two minutes."""
    lines = [f"{town.building},1,{n},2,王芳,,,,slip,,,\n" for n in range(1, 5001)]
    started = time.monotonic()
    job = await upload(
        town.worker, town.service, "/v1/households/upload", COMMUNITY, (HOUSEHOLDS + "".join(lines)).encode()
    )
    checked = time.monotonic()
    assert (await confirmed(town.worker, town.service, job))["counts"]["households"] == 5000
    print(f"check {checked - started:.1f}s apply {time.monotonic() - checked:.1f}s")
