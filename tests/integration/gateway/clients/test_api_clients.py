"""Systems get a secret once, tokens for named verbs, and none after their end (feature G2)."""

import asyncio
import base64
import json
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from services.gateway.identity.sign_in import ITSELF
from shared.auth import Grant, read_token
from shared.ids import new_id
from tests.integration.service import Running, person

pytestmark = pytest.mark.feature("G2")
STREET = "42.01.12.013"
OFFICIAL = Grant("street_official", area=STREET)


async def a_store(gateway: Running, area: str | None = STREET) -> UUID:
    """An organization that registry has told of."""
    store_id = new_id()
    async with gateway.worker.transaction(ITSELF) as db:
        insert = text("INSERT INTO organization_copies (key, seq, payload) VALUES (:id, 1, CAST(:payload AS jsonb))")
        await db.execute(insert, {"id": store_id, "payload": json.dumps({"area": area})})
    return store_id


def wanted(store_id: UUID, **changes: Any) -> dict[str, Any]:
    body = {
        "name": "Store's system",
        "role": "store_manager",
        "organization_id": str(store_id),
        "scopes": ["purchases.read", "purchases.confirm"],
    }
    return body | changes


async def make(gateway: Running, store_id: UUID) -> dict[str, Any]:
    answer = await gateway.client(person(OFFICIAL)).post("/v1/api-clients", json=wanted(store_id))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def token(gateway: Running, client: dict[str, Any], **changes: str) -> httpx.Response:
    form = {"grant_type": "client_credentials", "client_id": client["id"], "client_secret": client["secret"]}
    return await gateway.client().post("/v1/oauth/token", data=form | changes)


async def test_a_store_gets_a_token_for_its_verbs_and_organization(gateway: Running) -> None:
    store_id = await a_store(gateway)
    client = await make(gateway, store_id)
    answer = await token(gateway, client)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 300)
    assert body["scope"] == "purchases.confirm purchases.read"
    me = (await gateway.client(None, {"Authorization": f"Bearer {body['access_token']}"}).get("/v1/me")).json()
    assert (me["id"], me["kind"]) == (client["id"], "client")
    assert me["roles"] == [{"role": "store_manager", "area": None, "organization_id": str(store_id)}]
    assert me["scopes"] == ["purchases.confirm", "purchases.read"]


async def test_fewer_scopes_may_be_asked_for_and_never_more(gateway: Running) -> None:
    client = await make(gateway, await a_store(gateway))
    fewer = await token(gateway, client, scope="purchases.read")
    assert fewer.json()["scope"] == "purchases.read"
    for scope in ("purchases.read rounds.close", " "):
        more = await token(gateway, client, scope=scope)
        assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_secret": "lcs_wrong"}, 401, "invalid_client"),
        ({"client_id": str(new_id())}, 401, "invalid_client"),
        ({"client_id": "not an id"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
    ],
)
async def test_refusals_are_those_of_the_rfc(
    gateway: Running, changes: dict[str, str], status: int, error: str
) -> None:
    client = await make(gateway, await a_store(gateway))
    answer = await token(gateway, client, **changes)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert set(answer.json()) == {"error", "error_description"}
    assert ("www-authenticate" in answer.headers) == (status == 401)


async def test_basic_credentials_count_as_well(gateway: Running) -> None:
    client = await make(gateway, await a_store(gateway))
    basic = base64.b64encode(f"{client['id']}:{client['secret']}".encode()).decode()
    for header, status in ((f"Basic {basic}", 200), ("Basic !!!", 400), ("Bearer x", 400)):
        answer = await gateway.client(None, {"Authorization": header}).post(
            "/v1/oauth/token", data={"grant_type": "client_credentials"}
        )
        assert answer.status_code == status


async def test_the_secret_is_shown_once_and_kept_as_a_hash(gateway: Running) -> None:
    store_id = await a_store(gateway)
    official = gateway.client(person(OFFICIAL), {"Idempotency-Key": "the-same-key"})
    first = await official.post("/v1/api-clients", json=wanted(store_id))
    again = await official.post("/v1/api-clients", json=wanted(store_id))
    assert first.json()["secret"].startswith("lcs_")
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json() | {"secret": None}
    async with gateway.worker.transaction(ITSELF) as db:
        found = await db.execute(text("SELECT * FROM api_clients WHERE id = :id"), {"id": UUID(first.json()["id"])})
        assert first.json()["secret"] not in str(found.one())


async def test_both_secrets_count_for_a_day_after_rotation(gateway: Running) -> None:
    client = await make(gateway, await a_store(gateway))
    official = gateway.client(person(OFFICIAL))
    rotated = (await official.post(f"/v1/api-clients/{client['id']}/rotate-secret")).json()
    assert rotated["version"] == 2
    assert [(await token(gateway, one)).status_code for one in (client, rotated)] == [200, 200]
    async with gateway.worker.transaction(ITSELF) as db:
        await db.execute(text("UPDATE api_clients SET previous_until = previous_until - interval '24 hours'"))
    assert [(await token(gateway, one)).status_code for one in (client, rotated)] == [401, 200]


@pytest.mark.promise("AZ4")
async def test_a_deleted_client_gets_no_token_and_its_last_ones_are_refused(gateway: Running) -> None:
    client = await make(gateway, await a_store(gateway))
    official = gateway.client(person(OFFICIAL))

    async def delete() -> httpx.Response:
        return await official.delete(f"/v1/api-clients/{client['id']}", headers={"If-Match": '"1"'})

    *given, ended = await asyncio.gather(*(token(gateway, client) for _ in range(8)), delete())
    assert (ended.status_code, ended.json()["state"]) == (200, "deleted")
    assert (await token(gateway, client)).status_code == 401
    async with gateway.worker.transaction(ITSELF) as db:
        find = text("SELECT not_before FROM revocations WHERE session_id = :id")
        not_before: datetime = (await db.execute(find, {"id": UUID(client["id"])})).scalar_one()
    keys = gateway.resources.verifier._own  # type: ignore[attr-defined]
    for answer in given:
        if answer.status_code == 200:
            assert read_token(answer.json()["access_token"], keys)["iat"] < not_before.timestamp()
    assert (await delete()).json()["version"] == 2


async def test_only_the_street_of_the_organization_makes_and_sees_its_client(gateway: Running) -> None:
    store_id = await a_store(gateway)
    client = await make(gateway, store_id)
    elsewhere = gateway.client(person(Grant("street_official", area="42.01.12.014")))
    assert (await elsewhere.post("/v1/api-clients", json=wanted(store_id))).status_code == 403
    assert (await elsewhere.get(f"/v1/api-clients/{client['id']}")).status_code == 404
    assert (await elsewhere.get("/v1/api-clients")).json()["items"] == []
    worker = gateway.client(person(Grant("community_worker", area=f"{STREET}.001")))
    assert (await worker.post("/v1/api-clients", json=wanted(store_id))).status_code == 403
    official = gateway.client(person(OFFICIAL))
    listed = (await official.get("/v1/api-clients", params={"organization_id": str(store_id)})).json()
    assert [one["id"] for one in listed["items"]] == [client["id"]]
    assert "secret" not in listed["items"][0]


async def test_what_a_client_is_bound_to_must_fit_its_role(gateway: Running) -> None:
    official = gateway.client(person(OFFICIAL))
    store_id = await a_store(gateway, area=None)
    wrong = [
        (wanted(store_id, organization_id=None, area=STREET), "/organization_id"),
        (wanted(store_id, role="receiver"), "/organization_id"),
        (wanted(store_id, role="receiver", organization_id=None), "/area"),
        (wanted(store_id), "/area"),
        (wanted(UUID("0190b1e4-0000-7000-8000-000000000001")), "/organization_id"),
        (wanted(store_id, scopes=[]), "/scopes"),
        (wanted(store_id, scopes=["Purchases"]), "/scopes/0"),
        (wanted(store_id, area="42/01"), "/area"),
    ]
    for body, pointer in wrong:
        answer = await official.post("/v1/api-clients", json=body)
        assert answer.status_code == 422, body
        assert answer.json()["errors"][0]["pointer"] == pointer
    answer = await official.post("/v1/api-clients", json=wanted(new_id()))
    assert (answer.status_code, answer.json()["code"]) == (409, "not_yet_known")


async def test_a_receiver_reads_in_its_area(gateway: Running) -> None:
    official = gateway.client(person(OFFICIAL))
    body = {"name": "District command", "role": "receiver", "area": STREET, "scopes": ["events.read"]}
    client = (await official.post("/v1/api-clients", json=body)).json()
    access = (await token(gateway, client)).json()["access_token"]
    me = (await gateway.client(None, {"Authorization": f"Bearer {access}"}).get("/v1/me")).json()
    assert me["roles"] == [{"role": "receiver", "area": STREET, "organization_id": None}]


async def test_the_same_id_is_the_same_client(gateway: Running) -> None:
    store_id, client_id = await a_store(gateway), str(new_id())
    official = gateway.client(person(OFFICIAL))
    first = await official.post("/v1/api-clients", json=wanted(store_id, id=client_id))
    again = await official.post("/v1/api-clients", json=wanted(store_id, id=client_id))
    other = await official.post("/v1/api-clients", json=wanted(store_id, id=client_id, name="Another"))
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert (again.json()["id"], again.json()["secret"]) == (client_id, None)
    assert other.json()["code"] == "id_conflict"
