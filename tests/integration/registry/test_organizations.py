"""Organizations and the agreements that gate what they may do (R5, R12)."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from shared.auth import Grant
from shared.clock import now, shanghai_date
from shared.ids import new_id
from tests.integration.registry.town import COMMUNITY, STREET, Town, ok, refused
from tests.integration.service import person

USCC = "91350100M000100Y43"
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def free_uscc(number: int) -> str:
    """A code with both check digits right."""
    inner = f"{number:08d}"
    nine = "0123456789X"[-sum(int(d) * w for d, w in zip(inner, (3, 7, 9, 10, 5, 8, 4, 2), strict=True)) % 11]
    first = f"92420112{inner}{nine}"
    weights = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
    return first + _ALPHABET[-sum(_ALPHABET.index(c) * w for c, w in zip(first, weights, strict=True)) % 31]


_next = iter(range(1, 10_000))


async def store(town: Town) -> dict[str, Any]:
    body = {"kind": "store", "name": "常青花园超市", "uscc": free_uscc(next(_next)), "area": STREET}
    return ok(await town.street.post("/v1/organizations", json=body))


@pytest.mark.feature("R5")
@pytest.mark.parametrize(
    ("uscc", "code"),
    [
        ("91350100M000100Y44", "uscc_check"),
        ("91350100M000100Y53", "uscc_organization_check"),
        ("913501", "uscc_length"),
    ],
)
async def test_each_check_digit_is_checked(town: Town, uscc: str, code: str) -> None:
    body = {"kind": "store", "name": "假超市", "uscc": uscc, "area": STREET}
    answer = await town.street.post("/v1/organizations", json=body)
    assert refused(answer, 422, "validation_failed", "/uscc")["errors"][0]["code"] == code
    assert uscc not in answer.text


@pytest.mark.feature("R5")
async def test_one_uscc_is_one_organization(town: Town) -> None:
    made = await store(town)
    body = {"kind": "store", "name": "另一家", "uscc": made["uscc"], "area": STREET}
    refused(await town.street.post("/v1/organizations", json=body), 409, "duplicate")
    found = ok(await town.street.get("/v1/organizations", params={"uscc": made["uscc"]}), 200)["items"]
    assert [one["id"] for one in found] == [made["id"]]
    ok(await town.street.post(f"/v1/organizations/{made['id']}/close", json={"reason_code": "closed_down"}), 200)
    ok(await town.street.post("/v1/organizations", json=body))


@pytest.mark.feature("R5")
async def test_a_filed_group_has_a_filing_number_and_an_informal_one_has_nothing(town: Town) -> None:
    cso = {"kind": "cso", "name": "常青合唱团", "area": COMMUNITY}
    refused(await town.worker.post("/v1/organizations", json=cso), 422, "validation_failed", "/filing_no")
    ok(await town.worker.post("/v1/organizations", json=cso | {"filing_no": str(new_id())}))
    ok(
        await town.worker.post(
            "/v1/organizations", json={"kind": "informal_group", "name": "修理三人组", "area": COMMUNITY}
        )
    )


@pytest.mark.parametrize(("code", "why"), [("420112013099", "unknown_code"), ("42011201300", "region_length")])
async def test_its_home_is_a_present_division(town: Town, code: str, why: str) -> None:
    body = {"kind": "informal_group", "name": "无家", "region_code": code}
    problem = refused(await town.street.post("/v1/organizations", json=body), 422, "validation_failed", "/region_code")
    assert problem["errors"][0]["code"] == why


@pytest.mark.feature("R1")
async def test_an_abolished_code_says_what_took_its_place(town: Town) -> None:
    body = {"parent_code": "420112013000", "kind": "community", "name": f"旧社区 {new_id()}", "code": "420112013088"}
    place = ok(await town.admin.post("/v1/places", json=body))
    url = f"/v1/places/{place['id']}/abolish"
    done = {"replaced_by": "420112013001"}
    early = await town.admin.post(url, json=done | {"abolished_on": "2199-01-01"})
    refused(early, 422, "validation_failed", "/abolished_on")
    gone = ok(await town.admin.post(url, json=done), 200)
    assert (gone["abolished_on"], gone["code"]) == (str(shanghai_date(now())), "420112013088")
    wanted = {"kind": "informal_group", "name": "老街坊", "region_code": "420112013088"}
    problem = refused(
        await town.street.post("/v1/organizations", json=wanted), 422, "validation_failed", "/region_code"
    )
    (error,) = problem["errors"]
    assert (error["code"], error["params"]["replaced_by"]) == ("abolished_code", "420112013001")
    successor = ok(await town.admin.post("/v1/places", json=body | {"name": f"新社区 {new_id()}"}))
    assert successor["area"] == f"{STREET}.088r2"


def proposal(organization: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "organization_id": organization["id"],
        "community_area": COMMUNITY,
        "purposes": ["group_buy"],
        "starts_on": "2026-01-01",
        "ends_on": "2030-12-31",
    } | fields


def manager(town: Town, organization: dict[str, Any]) -> httpx.AsyncClient:
    return town.service.client(person(Grant("store_manager", organization_id=UUID(organization["id"]))))


@pytest.mark.feature("R12")
async def test_the_street_endorses_but_only_the_community_accepts(town: Town) -> None:
    shop = await store(town)
    agreement = ok(await manager(town, shop).post("/v1/agreements", json=proposal(shop)))
    url = f"/v1/agreements/{agreement['id']}"
    expanded = ok(await town.street.get(url, params={"expand": "allowed_actions"}), 200)
    assert expanded["allowed_actions"] == ["accept", "decline", "endorse"]
    endorsed = ok(await town.street.post(f"{url}/endorse", json={}), 200)
    assert (endorsed["state"], endorsed["version"]) == ("proposed", 2)
    refused(await town.street.post(f"{url}/accept", json={}), 403, "forbidden")
    refused(await town.worker.post(f"{url}/accept", json={}), 403, "forbidden")
    elsewhere = town.service.client(person(Grant("committee_secretary", area=f"{STREET}.002")))
    refused(await elsewhere.post(f"{url}/accept", json={}), 404, "not_found")
    accepted = ok(await town.secretary.post(f"{url}/accept", json={}), 200)
    assert (accepted["state"], accepted["version"], accepted["community_area"]) == ("active", 3, COMMUNITY)
    assert ok(await town.secretary.post(f"{url}/accept", json={}), 200)["version"] == 3
    problem = refused(await town.secretary.post(f"{url}/decline", json={}), 409, "transition_not_allowed")
    assert problem["allowed_actions"] == ["end", "suspend"]
    async with town.service.worker.transaction() as db:
        query = "SELECT type FROM outbox WHERE key::text = :key ORDER BY id"
        told = list((await db.execute(text(query), {"key": agreement["id"]})).scalars())
    assert told == ["agreement.created", "agreement.endorsed", "agreement.accepted"]


@pytest.mark.feature("R12")
async def test_another_organization_cannot_speak_for_it(town: Town) -> None:
    shop, rival = await store(town), await store(town)
    refused(await manager(town, rival).post("/v1/agreements", json=proposal(shop)), 403, "forbidden")
    agreement = ok(await manager(town, shop).post("/v1/agreements", json=proposal(shop)))
    refused(await manager(town, rival).get(f"/v1/agreements/{agreement['id']}"), 404, "not_found")
    assert ok(await manager(town, shop).get("/v1/agreements"), 200)["items"][0]["id"] == agreement["id"]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"community_area": STREET}, "/community_area"),
        ({"areas": [f"{STREET}.002"]}, "/areas/0"),
        ({"ends_on": "2025-12-31"}, "/ends_on"),
        ({"purposes": []}, "/purposes"),
    ],
)
async def test_an_agreement_that_makes_no_sense_is_refused(town: Town, fields: dict[str, Any], pointer: str) -> None:
    shop = await store(town)
    refused(await town.street.post("/v1/agreements", json=proposal(shop, **fields)), 422, "validation_failed", pointer)
