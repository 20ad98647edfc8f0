"""From a telephone to a token, and what happens to it when roles change (features G2, promises AZ3, AZ4)."""

import asyncio
import itertools
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from services.gateway.identity.effects import on_role
from services.gateway.identity.sign_in import ITSELF
from shared.auth import read_token
from shared.clock import now
from shared.contracts import registry as contracts
from shared.contracts.base import Event
from shared.ids import new_id
from shared.verifier import Verifier
from tests.integration.gateway.stubs import Upstreams, person_of
from tests.integration.service import Running

pytestmark = pytest.mark.feature("G2")
_numbers = itertools.count(13_900_000_000)


def a_phone() -> str:
    return f"+86{next(_numbers)}"


async def ask_code(client: httpx.AsyncClient, phone: str) -> dict[str, Any]:
    answer = await client.post("/v1/sign-in-codes", json={"phone": phone})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def sign_in(client: httpx.AsyncClient, phone: str) -> dict[str, Any]:
    sent = await ask_code(client, phone)
    wanted = {"sign_in_code_id": sent["id"], "phone": phone, "code": sent["code"]}
    answer = await client.post("/v1/sessions", json=wanted)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def role_event(person_id: UUID, role_id: UUID, version: int = 1, ended: bool = False, **fields: Any) -> Event:
    state = contracts.RoleV1(
        id=role_id,
        version=version,
        area="42.01.12.013.001",
        person_id=person_id,
        role="community_worker",
        organization_id=None,
        from_at=now() - timedelta(minutes=1),
        until_at=fields.get("until_at"),
        ended_at=now() if ended else None,
        state="ended" if ended else "active",
    )
    kind = "role.ended" if ended else "role.created"
    body = state.to_json().decode()
    return Event(new_id(), kind, contracts.ROLE.name, role_id, version, now(), now(), None, None, state, body)


async def happen(gateway: Running, event: Event) -> None:
    async with gateway.worker.transaction(ITSELF) as db:
        await on_role(db, event)


def bearer(signed_in: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {signed_in['access_token']}"}


async def forget_when_looked(gateway: Running) -> None:
    """The verifier looks at revocations every ten seconds; the test does not wait."""
    verifier: Verifier = gateway.resources.verifier
    verifier._tried_at = float("-inf")


async def test_a_code_signs_in_the_person_whom_registry_knows(gateway: Running, registry: Upstreams) -> None:
    client, phone = gateway.client(), a_phone()
    signed_in = await sign_in(client, phone)
    me = await client.get("/v1/me", headers=bearer(signed_in))
    assert me.json() == {
        "id": str(person_of(phone)),
        "kind": "person",
        "session_id": signed_in["session"]["id"],
        "roles": [],
        "scopes": None,
    }
    assert signed_in["expires_in"] == 300
    assert (await sign_in(client, phone))["session"]["person_id"] == str(person_of(phone))
    assert all(call.headers["Authorization"].startswith("Bearer ") for call in registry.calls)


async def test_the_code_goes_to_the_telephone_and_is_not_kept(gateway: Running, tmp_path: Path) -> None:
    phone = a_phone()
    sent = await ask_code(gateway.client(), phone)
    line = json.loads((tmp_path / "sms.jsonl").read_text().splitlines()[-1])
    assert line["to"] == phone
    assert sent["code"] in line["text"]
    assert (tmp_path / "sms.jsonl").stat().st_mode & 0o077 == 0
    async with gateway.worker.transaction(ITSELF) as db:
        row = (await db.execute(text("SELECT * FROM sign_in_codes WHERE id = :id"), {"id": UUID(sent["id"])})).one()
    kept = b"".join(bytes(value) if isinstance(value, bytes) else str(value).encode() for value in row)
    assert sent["code"].encode() not in kept
    assert phone[3:].encode() not in kept


async def test_outside_the_laptop_profile_no_answer_carries_the_code(
    gateway: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.resources.settings.common, "profile", "production")
    assert (await ask_code(gateway.client(), a_phone()))["code"] is None


async def test_five_wrong_tries_end_a_code(gateway: Running) -> None:
    client, phone = gateway.client(), a_phone()
    sent = await ask_code(client, phone)
    wrong = f"{(int(sent['code']) + 1) % 10**6:06}"
    wanted = {"sign_in_code_id": sent["id"], "phone": phone, "code": wrong}
    for _ in range(5):
        answer = await client.post("/v1/sessions", json=wanted)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["code"] == "wrong_or_expired"
    answer = await client.post("/v1/sessions", json=wanted | {"code": sent["code"]})
    assert answer.status_code == 422


async def test_a_code_counts_once_for_its_telephone_and_five_minutes(gateway: Running) -> None:
    client, phone = gateway.client(), a_phone()
    sent = await ask_code(client, phone)
    wanted = {"sign_in_code_id": sent["id"], "phone": phone, "code": sent["code"]}
    assert (await client.post("/v1/sessions", json=wanted | {"phone": a_phone()})).status_code == 422
    answers = await asyncio.gather(*(client.post("/v1/sessions", json=wanted) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 7
    late = await ask_code(client, phone)
    async with gateway.worker.transaction(ITSELF) as db:
        past = "created_at = created_at - interval '5 minutes', expires_at = expires_at - interval '5 minutes'"
        await db.execute(text(f"UPDATE sign_in_codes SET {past} WHERE id = :id"), {"id": UUID(late["id"])})
    wanted = {"sign_in_code_id": late["id"], "phone": phone, "code": late["code"]}
    assert (await client.post("/v1/sessions", json=wanted)).status_code == 422


async def test_codes_are_limited_per_telephone_and_address(gateway: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    client, phone = gateway.client(), a_phone()
    monkeypatch.setattr(gateway.resources.settings, "codes_per_phone", 3)
    answers = [await client.post("/v1/sign-in-codes", json={"phone": phone}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 201, 429]
    refused = answers[-1]
    assert refused.json()["code"] == "rate_limited"
    assert 0 < int(refused.headers["retry-after"]) <= 900
    assert refused.headers["ratelimit-policy"] == '"code-phone";q=3;w=900'
    monkeypatch.setattr(gateway.resources.settings, "codes_per_address", 1)
    gateway.resources.extra["limiter"]._leases.clear()
    assert (await client.post("/v1/sign-in-codes", json={"phone": a_phone()})).status_code == 429


async def test_without_its_table_the_limit_on_codes_is_closed(gateway: Running) -> None:
    async with gateway.worker.transaction(ITSELF) as db:
        await db.execute(text("LOCK TABLE rate_leases IN ACCESS EXCLUSIVE MODE"))
        answer = await gateway.client().post("/v1/sign-in-codes", json={"phone": a_phone()})
    assert answer.status_code == 503


async def test_registry_down_means_try_again_and_the_code_still_counts(gateway: Running, registry: Upstreams) -> None:
    client, phone = gateway.client(), a_phone()
    sent = await ask_code(client, phone)
    wanted = {"sign_in_code_id": sent["id"], "phone": phone, "code": sent["code"]}
    handler, registry.handler = registry.handler, _broken
    assert (await client.post("/v1/sessions", json=wanted)).status_code == 503
    registry.handler = handler
    assert (await client.post("/v1/sessions", json=wanted)).status_code == 201


async def _broken(_: Any) -> Any:
    raise RuntimeError("planted")


async def test_refreshing_rotates_and_an_old_token_ends_the_session(gateway: Running) -> None:
    client = gateway.client()
    first = await sign_in(client, a_phone())
    second = (await client.post("/v1/sessions/refresh", json={"refresh_token": first["refresh_token"]})).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["session"]["id"] == first["session"]["id"]
    async with gateway.worker.transaction(ITSELF) as db:  # the answer to the first use was not lost: a minute passed
        await db.execute(text("UPDATE refresh_tokens SET used_at = used_at - interval '1 minute'"))
    again = await client.post("/v1/sessions/refresh", json={"refresh_token": first["refresh_token"]})
    assert again.status_code == 401
    assert (
        await client.post("/v1/sessions/refresh", json={"refresh_token": second["refresh_token"]})
    ).status_code == 401
    await forget_when_looked(gateway)
    assert (await client.get("/v1/me", headers=bearer(second))).json()["code"] == "token_expired"


async def test_a_lost_answer_may_be_asked_for_again_at_once(gateway: Running) -> None:
    client = gateway.client()
    first = await sign_in(client, a_phone())
    answers = [
        await client.post("/v1/sessions/refresh", json={"refresh_token": first["refresh_token"]}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 200]


async def test_an_unknown_refresh_token_is_refused(gateway: Running) -> None:
    client = gateway.client()
    signed_in = await sign_in(client, a_phone())
    for wrong in ("lrt_nothing", signed_in["access_token"][:150]):
        assert (await client.post("/v1/sessions/refresh", json={"refresh_token": wrong})).status_code == 401


async def test_signing_out_needs_the_version_and_refuses_the_token(gateway: Running) -> None:
    client = gateway.client()
    signed_in = await sign_in(client, a_phone())
    path, auth = f"/v1/sessions/{signed_in['session']['id']}", bearer(signed_in)
    assert (await client.delete(path, headers=auth)).status_code == 428
    assert (await client.delete(path, headers=auth | {"If-Match": '"7"'})).status_code == 412
    ended = await client.delete(path, headers=auth | {"If-Match": '"1"'})
    assert (ended.status_code, ended.json()["state"], ended.json()["version"]) == (200, "revoked", 2)
    again = await client.delete(path, headers=auth | {"If-Match": '"1"'})
    assert (again.status_code, again.json()["version"]) == (200, 2)
    await forget_when_looked(gateway)
    assert (await client.get("/v1/me", headers=auth)).status_code == 401


async def test_nobody_sees_or_ends_anothers_session(gateway: Running) -> None:
    client = gateway.client()
    mine, theirs = await sign_in(client, a_phone()), await sign_in(client, a_phone())
    listed = (await client.get("/v1/sessions", headers=bearer(mine))).json()
    assert [session["id"] for session in listed["items"]] == [mine["session"]["id"]]
    path = f"/v1/sessions/{theirs['session']['id']}"
    assert (await client.delete(path, headers=bearer(mine) | {"If-Match": '"1"'})).status_code == 404
    assert (await client.get("/v1/me", headers=bearer(theirs))).status_code == 200


@pytest.mark.promise("AZ4")
async def test_a_role_given_is_in_the_next_token_and_a_role_ended_in_none(gateway: Running) -> None:
    client, phone, role_id = gateway.client(), a_phone(), new_id()
    before = await sign_in(client, phone)
    await happen(gateway, role_event(person_of(phone), role_id))
    await forget_when_looked(gateway)
    assert (await client.get("/v1/me", headers=bearer(before))).json()["code"] == "token_expired"
    given = (await client.post("/v1/sessions/refresh", json={"refresh_token": before["refresh_token"]})).json()
    me = (await client.get("/v1/me", headers=bearer(given))).json()
    assert me["roles"] == [{"role": "community_worker", "area": "42.01.12.013.001", "organization_id": None}]
    await happen(gateway, role_event(person_of(phone), role_id, version=2, ended=True))
    await forget_when_looked(gateway)
    assert (await client.get("/v1/me", headers=bearer(given))).status_code == 401
    ended = (await client.post("/v1/sessions/refresh", json={"refresh_token": given["refresh_token"]})).json()
    assert (await client.get("/v1/me", headers=bearer(ended))).json()["roles"] == []
    async with gateway.worker.transaction(ITSELF) as db:
        told = await db.execute(
            text("SELECT type, seq FROM outbox WHERE key = :id ORDER BY seq"), {"id": UUID(before["session"]["id"])}
        )
        assert [tuple(row) for row in told] == [
            ("session.created", 1),
            ("session.roles_changed", 2),
            ("session.roles_changed", 3),
        ]


@pytest.mark.promise("AZ4")
async def test_no_token_outlives_the_end_of_its_role_however_they_race(gateway: Running) -> None:
    client, phone, role_id = gateway.client(), a_phone(), new_id()
    await happen(gateway, role_event(person_of(phone), role_id))
    signed_in = await sign_in(client, phone)

    async def refresh() -> dict[str, Any]:
        answer = await client.post("/v1/sessions/refresh", json={"refresh_token": signed_in["refresh_token"]})
        found: dict[str, Any] = answer.json()
        return found

    ending = happen(gateway, role_event(person_of(phone), role_id, version=2, ended=True))
    refreshing = [asyncio.create_task(refresh()) for _ in range(10)]
    await ending
    tokens = [await one for one in refreshing]
    await forget_when_looked(gateway)
    for one in tokens:
        answer = await client.get("/v1/me", headers=bearer(one))
        assert answer.status_code == 401 or answer.json()["roles"] == []


async def test_a_token_lives_no_longer_than_its_role(gateway: Running) -> None:
    client, phone = gateway.client(), a_phone()
    await happen(gateway, role_event(person_of(phone), new_id(), until_at=now() + timedelta(seconds=90)))
    signed_in = await sign_in(client, phone)
    assert 80 <= signed_in["expires_in"] <= 90


async def test_both_addresses_publish_the_key_that_signs(gateway: Running) -> None:
    from joserfc.jwk import KeySet

    client = gateway.client()
    signed_in = await sign_in(client, a_phone())
    for path in ("/v1/.well-known/jwks.json", "/.well-known/jwks.json"):
        document = (await client.get(path)).json()
        assert all("d" not in key for key in document["keys"])
        claims = read_token(signed_in["access_token"], KeySet.import_key_set(document))
        assert claims["sid"] == signed_in["session"]["id"]
