"""Bad input through the gateway: each says what to do in both languages, and changes nothing."""

import asyncio
import base64
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwk, jwt

from demo.client import Caller, Json
from demo.office import finished
from demo.seed import STREET_AREA
from demo.world import community, eventually
from services.gateway.identity.keys import load_key
from shared.ids import new_id
from tests.e2e.town import RATIONED, Town, message, propose, signature

pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
MORE_THAN_32_MIB = (32 << 20) + (1 << 16)


async def refused(
    town: Town,
    caller: Caller | None,
    method: str,
    path: str,
    body: Any,
    code: str,
    status: int,
    headers: Mapping[str, str] | None = None,
) -> Json:
    """Sends it in both languages; the problem in English."""
    problems = {}
    for language in ("zh", "en"):
        sent = {"Accept-Language": language} | dict(headers or {})
        found, problems[language] = await town.call(caller, method, path, body, sent)
        assert (found, problems[language].get("code")) == (status, code), problems[language]
    says_what_to_do(problems["zh"], problems["en"])
    return problems["en"]


def says_what_to_do(zh: Json, en: Json) -> None:
    """Both have a detail in their language; a refused field is named with its own."""
    for problem, chinese in ((zh, True), (en, False)):
        details = [problem["detail"], *(error["detail"] for error in problem.get("errors", []))]
        for detail in details:
            assert detail
            assert any("\u4e00" <= letter <= "\u9fff" for letter in detail) is chinese, problem


def pointers(problem: Json) -> list[str]:
    return [error["pointer"] for error in problem["errors"]]


async def count(caller: Caller, path: str) -> int:
    return len(await caller.items(path))


@pytest.mark.feature("R1")
@pytest.mark.feature("G7")
async def test_unknown_and_abolished_region_codes(town: Town) -> None:
    admin, places = town.world.admin, f"/v1/places?area={community(7)}"
    unknown = {"parent_code": "429999999000", "kind": "compound", "name": "无名小区"}
    problem = await refused(town, admin, "POST", "/v1/places", unknown, "validation_failed", 422)
    assert pointers(problem) == ["/parent_code"]
    body = {"parent_code": "420112013000", "kind": "community", "name": "旧社区", "code": "420112013099"}
    made = await admin.post("/v1/places", body)
    await admin.post(f"/v1/places/{made['id']}/abolish", {})
    before = await count(admin, places)
    under = {"parent_code": "420112013099", "kind": "compound", "name": "旧小区"}
    problem = await refused(town, admin, "POST", "/v1/places", under, "validation_failed", 422)
    assert problem["errors"][0]["code"] == "abolished_code"
    assert await count(admin, places) == before


@pytest.mark.feature("R5")
@pytest.mark.parametrize("uscc", ["91350100M000100Y44", "91350100M000200Y43"])
async def test_uscc_with_a_wrong_check_digit(town: Town, uscc: str) -> None:
    before = await count(town.world.official, "/v1/organizations")
    body = {"kind": "store", "name": "错号超市", "uscc": uscc, "area": STREET_AREA}
    problem = await refused(town, town.world.official, "POST", "/v1/organizations", body, "validation_failed", 422)
    assert pointers(problem) == ["/uscc"]
    assert await count(town.world.official, "/v1/organizations") == before


@pytest.mark.feature("O3")
@pytest.mark.feature("O4")
async def test_orders_that_nobody_may_place(town: Town) -> None:
    home, other = town.homes(1, by_phone=False)[1:3]
    resident, worker = await town.resident(home), town.world.workers[1]
    round_ = await town.open_round(1, initial=10)
    await town.place(resident, town.order(round_, home, qty=1))
    orders = f"/v1/orders?area={community(1)}&round_id={round_['id']}"
    wrong = [
        (town.order(round_, home, qty=3, item=RATIONED), "quota_used", 409),
        (town.order(round_, home, qty=11), "out_of_stock", 409),
        (town.order(round_, other), "not_found", 404),
        *((town.order(round_, home, qty=qty), "validation_failed", 422) for qty in (0, -1, 100_000, 10**30, "2", 1.5)),
        (town.order(round_, home) | {"lines": [{"item_id": str(new_id()), "qty": 1}]}, "validation_failed", 422),
    ]
    for body, code, status in wrong:
        await refused(town, resident, "POST", "/v1/orders", body, code, status)
    elder = town.homes(2, by_phone=True)[0]
    foreign = town.order(round_, elder, channel="phone")
    await refused(town, worker, "POST", "/v1/orders", foreign, "not_found", 404)
    assert await count(worker, orders) == 1
    offers = (await worker.get(f"/v1/rounds/{round_['id']}?expand=offers"))["offers"]
    assert sorted(offer["left"] for offer in offers) == [9, 10, 10]


@pytest.mark.feature("O3")
@pytest.mark.feature("R4")
async def test_a_claim_that_nobody_confirmed_orders_nothing(town: Town) -> None:
    home = town.homes(2, by_phone=False)[-1]
    caller, claim = await town.claim(home, with_code=False)
    assert claim["state"] == "pending"
    round_ = await town.open_round(2)
    problem = await refused(town, caller, "POST", "/v1/orders", town.order(round_, home), "not_found", 404)
    assert "confirmed" in problem["detail"]
    assert await count(town.world.workers[2], f"/v1/orders?area={community(2)}&round_id={round_['id']}") == 0


@pytest.mark.feature("O2")
@pytest.mark.feature("O3")
async def test_after_the_cut_off_and_after_late_entry(town: Town) -> None:
    home, elder = town.homes(1, by_phone=False)[1], town.homes(1, by_phone=True)[0]
    resident, worker = await town.resident(home), town.world.workers[1]
    round_ = await town.open_round(1, seconds=3, late=2)
    cut_off = datetime.fromisoformat(round_["cut_off_at"])
    by_phone = town.order(round_, elder, channel="phone", taken_at=(cut_off - timedelta(seconds=1)).isoformat())
    await _until(cut_off)
    await refused(town, resident, "POST", "/v1/orders", town.order(round_, home), "round_closed", 409)
    await _until(datetime.fromisoformat(round_["late_entry_until"]))
    await refused(town, worker, "POST", "/v1/orders", by_phone, "round_closed", 409)
    assert await count(worker, f"/v1/orders?area={community(1)}&round_id={round_['id']}") == 0


async def _until(moment: datetime) -> None:
    await asyncio.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds() + 0.2))


@pytest.mark.feature("G7")
async def test_one_key_for_two_intents_and_twice_at_once(town: Town) -> None:
    home = town.homes(1, by_phone=False)[1]
    resident, round_, key = await town.resident(home), await town.open_round(1), str(new_id())
    body = town.order(round_, home, qty=2)
    await town.place(resident, town.order(round_, home))  # orders knows the claim from here on
    both = await asyncio.gather(*(town.call(resident, "POST", "/v1/orders", body, key=key) for _ in range(8)))
    assert {status for status, _ in both} <= {201, 409}
    assert any(status == 201 for status, _ in both)
    assert {answer["code"] for status, answer in both if status == 409} <= {"in_progress"}
    assert len({answer["id"] for status, answer in both if status == 201}) == 1
    again = {"Idempotency-Key": key}
    other = town.order(round_, home, qty=1)
    await refused(town, resident, "POST", "/v1/orders", other, "idempotency_key_reused", 422, again)
    assert await count(town.world.workers[1], f"/v1/orders?area={community(1)}&round_id={round_['id']}") == 2


@pytest.mark.feature("O2")
@pytest.mark.feature("G7")
async def test_a_state_change_that_the_machine_does_not_allow(town: Town) -> None:
    worker, round_ = town.world.workers[1], await town.open_round(1)
    await worker.post(f"/v1/rounds/{round_['id']}/cancel", {"reason_code": "mistake"})
    before = await worker.get(f"/v1/rounds/{round_['id']}")
    problem = await refused(town, worker, "POST", f"/v1/rounds/{round_['id']}/open", {}, "transition_not_allowed", 409)
    assert problem["state"] == "cancelled"
    assert problem["allowed_actions"] == []
    assert await worker.get(f"/v1/rounds/{round_['id']}") == before


@pytest.mark.feature("R12")
async def test_the_street_cannot_accept_an_agreement(town: Town) -> None:
    agreement = await propose(town, 3)
    path = f"/v1/agreements/{agreement['id']}"
    await refused(town, town.world.official, "POST", f"{path}/accept", {}, "forbidden", 403)
    assert (await town.world.official.get(path))["state"] == "proposed"


def _places(rows: list[str], encoding: str) -> bytes:
    return "\r\n".join(["parent_area,kind,name", *rows]).encode(encoding)


@pytest.mark.feature("R14")
async def test_one_bad_row_fails_the_upload_whole(town: Town) -> None:
    official = town.world.official
    rows = [f"{community(5)},compound,坏行{n}号小区" for n in range(20, 60)]
    rows[30] = f"{community(5)},palace,坏行宫殿"
    job = await official.upload("/v1/places/upload", "p.csv", _places(rows, "utf-8"), {"area": STREET_AREA})
    failed = await _ended(official, job)
    assert failed["state"] == "failed"
    assert [error["row"] for error in failed["row_errors"]] == [32]
    assert not [p for p in await official.items(f"/v1/places?area={community(5)}") if p["name"].startswith("坏行")]


@pytest.mark.feature("R14")
@pytest.mark.parametrize(("encoding", "number"), [("utf-8-sig", 61), ("gb18030", 62)])
async def test_what_chinese_spreadsheets_write_is_read(town: Town, encoding: str, number: int) -> None:
    official, name = town.world.official, f"常青{number}号小区"
    content = _places([f"{community(6)},compound,{name}"], encoding)
    job = await official.upload("/v1/places/upload", "p.csv", content, {"area": STREET_AREA})
    url = f"/v1/operations/registry/{job['id']}"
    await finished(official, url, "awaiting_confirmation")
    await official.post(f"{url}/confirm")
    await finished(official, url, "succeeded")
    assert name in {place["name"] for place in await official.items(f"/v1/places?area={community(6)}")}


async def _ended(caller: Caller, job: Json) -> Json:
    async def ended() -> bool:
        job.update(await caller.get(f"/v1/operations/registry/{job['id']}"))
        return job["state"] in ("failed", "awaiting_confirmation", "succeeded")

    await eventually(ended, "the upload to be checked")
    return job


@pytest.mark.feature("R14")
@pytest.mark.feature("G7")
async def test_an_upload_beyond_32_mib(town: Town) -> None:
    edge = b'--x\r\nContent-Disposition: form-data; name="file"; filename="p.csv"\r\n\r\n'
    body = edge + b"0" * MORE_THAN_32_MIB + b"\r\n--x--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    await refused(town, town.world.official, "POST", "/v1/places/upload", body, "body_too_large", 413, headers)


@pytest.mark.feature("G4")
@pytest.mark.promise("WI1")
async def test_webhooks_that_are_not_from_their_source(town: Town) -> None:
    source, secret = town.store_source, town.store_source["secret"]
    raw = message("purchase.confirmation", {"purchase_id": str(new_id()), "lines": []})
    foreign = "whsec_" + base64.b64encode(b"f" * 32).decode()
    good = signature(secret, raw, "msg_bad_input")
    wrong = [
        signature(foreign, raw, "msg_bad_input"),
        signature(secret, raw, "msg_bad_input", datetime.now(UTC) - timedelta(minutes=10)),
        signature(secret, raw + b" ", "msg_bad_input"),
        good | {"webhook-id": "msg_another"},
        good | {"webhook-signature": "v1,%%%"},
        good | {"webhook-signature": "nonsense"},
        good | {"webhook-timestamp": "yesterday"},
        {name: value for name, value in good.items() if name != "webhook-timestamp"},
        {},
    ]
    before = await count(town.world.official, "/v1/inbound-messages")
    for headers in wrong:
        await _refused_message(town, source, raw, headers, 401, "signature_invalid")
    big = message("purchase.confirmation", {"note": "x" * (2 << 20)})
    await _refused_message(town, source, big, signature(secret, big, "msg_big"), 413, "body_too_large")
    assert await count(town.world.official, "/v1/inbound-messages") == before


async def _refused_message(
    town: Town, source: Json, raw: bytes, headers: Mapping[str, str], status: int, code: str
) -> None:
    answers = [await town.sent(source, raw, {"Accept-Language": language} | dict(headers)) for language in ("zh", "en")]
    assert [(found, problem.get("code")) for found, problem in answers] == [(status, code)] * 2, answers
    says_what_to_do(answers[0][1], answers[1][1])


@pytest.mark.feature("G4")
@pytest.mark.promise("WI2")
async def test_one_message_fifty_times_at_once_is_one_effect(town: Town) -> None:
    source = await town.world.admin.post(
        "/v1/inbound-sources", {"kind": "city_command", "name": "区指挥部", "area": "42.01.12"}
    )
    notice = {
        "number": "第50号",
        "title": "通告(第50号)",
        "issuer": "区指挥部",
        "body": "暂停聚集。",
        "region_codes": ["420112013000"],
        "legal_basis": "传染病防治法",
        "place_state": "sealed_management",
        "issued_at": "2020-02-12T12:00:00+08:00",
        "from_at": "2020-02-13T00:00:00+08:00",
    }
    raw = message("notice.issued", notice)
    headers = signature(source["secret"], raw, "msg_fifty")
    answers = await asyncio.gather(*(town.sent(source, raw, headers) for _ in range(50)))
    assert {status for status, _ in answers} == {202}
    assert len({answer["message_id"] for _, answer in answers}) == 1
    assert [answer["duplicate"] for _, answer in answers].count(False) == 1
    url = f"/v1/inbound-messages/{answers[0][1]['message_id']}"

    async def is_applied() -> bool:
        return bool((await town.world.admin.get(url))["state"] == "applied")

    await eventually(is_applied, "the notice to be applied")
    assert [n["number"] for n in await town.world.official.items("/v1/notices")].count("第50号") == 1


@pytest.mark.feature("O7")
@pytest.mark.feature("G3")
async def test_a_store_that_confirms_what_was_not_ordered_is_told_why(town: Town) -> None:
    home = town.homes(2, by_phone=False)[1]
    purchase_id, order = await town.sent_purchase(2, home, qty=2)
    item_id = order["lines"][0]["item_id"]
    for wrong_item, qty, pointer in ((item_id, 3, "/lines/0/confirmed_qty"), (str(new_id()), 1, "/lines/0/item_id")):
        lines = [{"item_id": wrong_item, "confirmed_qty": qty}]
        message_id = await town.confirm_purchase(purchase_id, lines)
        await town.receiver.heard("inbound_message.rejected", message_id)
        told = await town.world.official.get(f"/v1/inbound-messages/{message_id}")
        assert told["state"] == "rejected"
        assert told["problem"]["code"] == "validation_failed"
        assert pointer in pointers(told["problem"])
        assert told["problem"]["detail"]
    after = await town.world.official.get(f"/v1/purchases/{purchase_id}")
    assert after["state"] == "sent"
    assert [item["confirmed"] for item in after["items"] if item["ordered"]] == [None]


@pytest.mark.feature("G2")
async def test_tokens_that_are_not_ours(town: Town) -> None:
    tokens = town.world.official.tokens
    assert tokens is not None
    header, claims = (json.loads(base64.urlsafe_b64decode(p + "==")) for p in tokens.access.split(".")[:2])
    secret = town.stack.env["LINLI_GATEWAY_SIGNING_KEY"]
    key, foreign = load_key(secret), load_key(base64.b64encode(os.urandom(32)).decode())
    public = jwk.OctKey.import_key(str(key.as_dict(private=False)["x"]))
    now = int(datetime.now(UTC).timestamp())
    assert (await _me(town, _signed(header, claims, key)))[0] == 200, "the key is the gateway's own"
    expired = _signed(header, claims | {"iat": now - 900, "exp": now - 600}, key)
    wrong = [
        (expired, "token_expired"),
        (_signed(header, claims | {"aud": "somebody-else"}, key), "unauthenticated"),
        (_signed(header, claims, foreign), "unauthenticated"),
        (_signed(header | {"alg": "HS256"}, claims, public), "unauthenticated"),
        (_unsigned(header, claims), "unauthenticated"),
    ]
    for token, code in wrong:
        for path in ("/v1/me", f"/v1/households?area={STREET_AREA}", "/v1/orders", "/v1/volunteers"):
            headers = {"Authorization": f"Bearer {token}"}
            await refused(town, None, "GET", path, None, code, 401, headers)


def _signed(header: Json, claims: Json, key: Any) -> str:
    return jwt.encode(header, claims, key, algorithms=["Ed25519", "HS256"])


def _unsigned(header: Json, claims: Json) -> str:
    parts = (json.dumps(part).encode() for part in (header | {"alg": "none"}, claims))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


async def _me(town: Town, token: str) -> tuple[int, Json]:
    return await town.call(None, "GET", "/v1/me", headers={"Authorization": f"Bearer {token}"})
