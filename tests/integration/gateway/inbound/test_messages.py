"""A registered source's message is verified, kept once, and carried to its owner (feature G4)."""

import asyncio
import json
import time
from typing import Any

import jsonschema
import pytest
from joserfc.jwk import KeySet
from sqlalchemy import text

from services.gateway.inbound import domain
from services.gateway.inbound.payloads import MODELS
from services.gateway.signing.domain import signed_headers
from shared.auth import Grant, read_token
from shared.ids import new_id
from tests.integration.gateway.inbound.conftest import CITY, STORE, STREET, Inside, Owner, confirmation, notice, signed
from tests.integration.service import client_of, person, signing_key

pytestmark = pytest.mark.feature("G4")


@pytest.mark.promise("WI3")
async def test_kept_sealed_then_carried_with_the_source_s_own_authority(inside: Inside, owner: Owner) -> None:
    source = await inside.source()
    answer = await inside.send(source, notice())
    assert answer.status_code == 202, answer.text
    assert answer.json()["duplicate"] is False
    message_id = answer.json()["message_id"]
    assert owner.asked == []
    async with inside.gateway.worker.transaction() as db:
        sealed = (await db.execute(text("SELECT sealed FROM inbound_messages"))).scalar_one()
    assert "通告".encode() not in bytes(sealed)
    assert await inside.carry() == 1
    ((path, headers, body),) = owner.asked
    assert path == "/v1/notices"
    assert headers["Idempotency-Key"] == message_id
    assert (body["message_id"], body["source_id"], body["number"]) == (message_id, source["id"], "第12号")
    claims = token_of(headers)
    assert claims["kind"] == "client"
    assert claims["roles"] == [{"role": "street_official", "area": CITY, "organization_id": None}]
    assert claims["scope"] == "notices.create"
    found = await inside.read(message_id)
    assert (found["state"], found["result_url"]) == ("applied", f"/v1/notices/{owner.body['id']}")
    assert await inside.events(message_id) == ["inbound_message.received", "inbound_message.applied"]
    assert await inside.carry() == 0


@pytest.mark.promise("WI2")
async def test_fifty_copies_at_once_are_one_effect(inside: Inside, owner: Owner) -> None:
    source = await inside.source()
    raw, message = json.dumps(notice()).encode(), str(new_id())
    headers = signed(source["secret"], raw, message)
    client = inside.gateway.client()
    answers = await asyncio.gather(
        *(client.post(f"/v1/inbound/{source['id']}", content=raw, headers=headers) for _ in range(50))
    )
    assert {answer.status_code for answer in answers} == {202}
    assert sorted(answer.json()["duplicate"] for answer in answers) == [False] + [True] * 49
    assert len({answer.json()["message_id"] for answer in answers}) == 1
    while await inside.carry():
        pass
    assert len(owner.asked) == 1


async def test_signed_again_it_is_the_same_message_and_with_other_content_a_conflict(inside: Inside) -> None:
    source, message = await inside.source(), str(new_id())
    first = await inside.send(source, notice(), **resigned(source, notice(), message))
    later = notice() | {"timestamp": "2020-02-10T12:01:00Z"}
    again = await inside.send(source, later, **resigned(source, later, message))
    other = await inside.send(source, notice(title="另一"), **resigned(source, notice(title="另一"), message))
    assert (again.status_code, again.json()) == (202, {"message_id": first.json()["message_id"], "duplicate": True})
    assert (other.status_code, other.json()["code"]) == (409, "id_conflict")


@pytest.mark.promise("WI1")
async def test_bad_old_and_foreign_signatures(inside: Inside) -> None:
    source, foreign = await inside.source(), await inside.source()
    raw = json.dumps(notice()).encode()
    old = signed(source["secret"], raw, at=time.time() - 400)
    wrong: list[dict[str, str | None]] = [
        {"webhook_signature": None},
        {"webhook_id": None},
        {"webhook_timestamp": "soon"},
        {"webhook_timestamp": "9" * 12},
        {"webhook_signature": "v1,====="},
        {"webhook_signature": "v1"},
        {"webhook_signature": "v1," + "a" * 5000},
        {name.replace("-", "_"): value for name, value in old.items() if name.startswith("webhook")},
        {"webhook_signature": signed(foreign["secret"], raw)["webhook-signature"]},
    ]
    for changes in wrong:
        answer = await inside.send(source, raw, **changes)
        assert (answer.status_code, answer.json()["code"]) == (401, "signature_invalid"), changes
    unknown = await inside.send(source | {"id": str(new_id())}, raw)
    assert unknown.status_code == 401
    async with inside.gateway.worker.transaction() as db:
        assert (await db.execute(text("SELECT count(*) FROM inbound_messages"))).scalar_one() == 0


@pytest.mark.promise("WI4")
async def test_too_big_too_deep_and_no_json(inside: Inside) -> None:
    source = await inside.source()
    big = await inside.send(source, b'{"type": "' + b"x" * (2 << 20) + b'"}')
    assert (big.status_code, big.json()["code"]) == (413, "body_too_large")
    just = await inside.send(source, notice(body="x" * 20_001))
    assert (just.status_code, just.json()["errors"][0]["pointer"]) == (422, "/data/body")
    for raw in (b'{"a":' * 40 + b"1" + b"}" * 40, b"[" * 100_000, b"[]", b"", b"\xff\xfe", b"{", b'{"a": NaN}'):
        headers = signed_bytes(source["secret"], raw)
        client = inside.gateway.client()
        answer = await client.post(f"/v1/inbound/{source['id']}", content=raw, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request"), raw[:20]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"type": "purchase.confirmation"}, "/type"),
        ({"type": None}, "/type"),
        ({"more": 1}, "/more"),
        ({"data": {"number": "1"}}, "/data/title"),
        ({"data": notice()["data"] | {"region_codes": ["4201"]}}, "/data/region_codes/0"),
        ({"data": notice()["data"] | {"issued_at": "2020-02-10T12:00:00"}}, "/data/issued_at"),
    ],
)
async def test_messages_that_the_schema_refuses(inside: Inside, change: dict[str, Any], pointer: str) -> None:
    answer = await inside.send(await inside.source(), notice() | change)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_a_disabled_source(inside: Inside) -> None:
    source = await inside.source()
    disabled = await inside.administrator.post(f"/v1/inbound-sources/{source['id']}/disable", json={})
    assert disabled.json()["state"] == "disabled"
    answer = await inside.send(source, notice())
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_rotation_overlaps(inside: Inside) -> None:
    source = await inside.source()
    path = f"/v1/inbound-sources/{source['id']}/rotate-secret"
    rotated = (await inside.administrator.post(path, json={})).json()
    assert rotated["secret"] != source["secret"]
    for secret in (source["secret"], rotated["secret"]):
        assert (await inside.send(source | {"secret": secret}, notice())).status_code == 202


async def test_a_store_speaks_for_itself_alone_and_hears_why_it_was_refused(inside: Inside, owner: Owner) -> None:
    source = await inside.source(kind="store", name="中百", area=None, organization_id=str(STORE))
    assert source["area"] == STREET
    purchase = new_id()
    owner.status, owner.body = (
        422,
        {
            "code": "validation_failed",
            "status": 422,
            "detail": "确认数量不能超过订购数量。",
            "errors": [{"pointer": "/lines/0/confirmed_qty", "code": "too_large", "detail": "最多 2"}],
        },
    )
    message_id = (await inside.send(source, confirmation(purchase))).json()["message_id"]
    await inside.carry()
    ((path, headers, body),) = owner.asked
    assert path == f"/v1/purchases/{purchase}/confirm"
    assert body["store_id"] == str(STORE)
    assert token_of(headers)["roles"] == [{"role": "store_manager", "area": None, "organization_id": str(STORE)}]
    assert (await inside.events(message_id))[-1] == "inbound_message.rejected"
    system = client_of(Grant("store_manager", organization_id=STORE), scopes=frozenset({"inbound_messages.read"}))
    client = inside.gateway.client(system, headers={"Accept-Language": "en"})
    seen = (await client.get(f"/v1/inbound-messages/{message_id}")).json()
    assert seen["state"] == "rejected"
    assert seen["problem"]["title"] == "The content is not valid"
    assert seen["problem"]["errors"][0]["pointer"] == "/lines/0/confirmed_qty"
    other = client_of(Grant("store_manager", organization_id=new_id()), scopes=frozenset({"inbound_messages.read"}))
    assert (await inside.gateway.client(other).get(f"/v1/inbound-messages/{message_id}")).status_code == 404
    owner.status, owner.body = 200, {"id": str(purchase)}
    again = await inside.administrator.post(f"/v1/inbound-messages/{message_id}/retry", json={})
    assert again.json()["state"] == "received"
    await inside.carry()
    found = await inside.read(message_id)
    assert (found["state"], found["result_url"], found["version"]) == ("applied", f"/v1/purchases/{purchase}", 4)


async def test_a_store_needs_its_organization_and_a_command_its_area(inside: Inside) -> None:
    for wish, pointer in (
        ({"kind": "store", "name": "x"}, "/organization_id"),
        ({"kind": "city_command", "name": "x", "organization_id": str(STORE)}, "/organization_id"),
        ({"kind": "city_command", "name": "x"}, "/area"),
        ({"kind": "radio", "name": "x", "area": CITY}, "/kind"),
    ):
        answer = await inside.administrator.post("/v1/inbound-sources", json=wish)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    street = inside.gateway.client(person(Grant("street_official", area=STREET)))
    wish = {"kind": "city_command", "name": "x", "area": CITY}
    assert (await street.post("/v1/inbound-sources", json=wish)).status_code == 403


@pytest.mark.parametrize(
    ("status", "body"), [(503, {}), (500, {}), (409, {"code": "not_yet_known"}), (429, {}), (401, {})]
)
async def test_tried_again_later_and_applied_once(
    inside: Inside, owner: Owner, status: int, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domain, "DELAYS", (3600,))
    owner.status, owner.body = status, body
    message_id = (await inside.send(await inside.source(), notice())).json()["message_id"]
    await inside.carry()
    waiting = await inside.read(message_id)
    assert (waiting["state"], waiting["attempts"]) == ("received", 1)
    assert waiting["next_attempt_at"] is not None
    assert await inside.carry() == 0
    owner.status, owner.body = 201, {"id": str(new_id())}
    async with inside.gateway.worker.transaction() as db:
        await db.execute(text("UPDATE inbound_messages SET next_attempt_at = now()"))
    await inside.carry()
    assert (await inside.read(message_id))["state"] == "applied"
    assert {headers["Idempotency-Key"] for _, headers, _ in owner.asked} == {message_id}


async def test_published_schemas_accept_their_own_examples(inside: Inside) -> None:
    anybody = inside.gateway.client()
    listed = (await anybody.get("/v1/inbound-schemas")).json()
    assert set(listed) == set(MODELS)
    for type, path in listed.items():
        schema = (await anybody.get(path)).json()
        example = schema["example"]
        assert example["type"] == type
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(example, schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(example | {"more": 1}, schema)
    assert (await anybody.get("/v1/inbound-schemas/none")).status_code == 404


def token_of(headers: dict[str, str]) -> dict[str, Any]:
    return read_token(headers["Authorization"].removeprefix("Bearer "), KeySet([signing_key()]))


def resigned(source: dict[str, Any], message: dict[str, Any], id: str) -> dict[str, str]:
    headers = signed(source["secret"], json.dumps(message).encode(), id)
    return {name.replace("-", "_"): value for name, value in headers.items()}


def signed_bytes(secret: str, raw: bytes) -> dict[str, str]:
    """The oracle signs text alone; a stranger may send any bytes."""
    return signed_headers([secret], str(new_id()), int(time.time()), raw)
