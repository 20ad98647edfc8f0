"""What passes the door unchanged, and what does not pass (feature G1, promises GW1, GW3, GW6–GW8)."""

import asyncio
import json
import time
from typing import Any
from uuid import UUID

import httpx
import pytest
from aiohttp import web

from services.gateway.routing.breaker import OPEN_SECONDS
from shared.auth import Grant
from shared.ids import made_at, new_id
from tests.integration.gateway.routing.conftest import Served, until
from tests.integration.gateway.stubs import Upstreams
from tests.integration.service import person

pytestmark = pytest.mark.feature("G1")
WHO = person(Grant("community_worker", area="42.01.12.013.001"))


async def echo(request: web.Request) -> web.StreamResponse:
    """Says what it got."""
    body = await request.read()
    seen = {
        "method": request.method,
        "target": request.raw_path,
        "headers": [[name.lower(), value] for name, value in request.headers.items()],
        "body": body.decode("latin-1"),
    }
    return web.json_response(seen, status=201, headers={"X-Own": "kept", "Location": "/v1/orders/1", "Server": "stub"})


def headers_of(answer: httpx.Response) -> dict[str, str]:
    return dict(answer.json()["headers"])


def problem(answer: httpx.Response) -> dict[str, Any]:
    """The problem+json of a refusal, with the ids that belong to it."""
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer.headers["request-id"]
    return body


async def test_bytes_and_paths_pass_unchanged(door: Served, upstream: Upstreams) -> None:
    upstream.handler = echo
    body = '{"a": 1.0,  "b":"\\u4e2d\u6587"}'.encode()
    target = "/v1/orders/%E4%B8%AD%2F1?round_id=a&round_id=b&q=%20x+y"
    async with door.client(WHO) as client:
        answer = await client.post(target, content=body, headers={"Content-Type": "application/json"})
    seen = answer.json()
    assert (answer.status_code, seen["method"], seen["target"]) == (201, "POST", target)
    assert seen["body"].encode("latin-1") == body
    assert (answer.headers["x-own"], answer.headers["location"]) == ("kept", "/v1/orders/1")
    assert answer.headers.get_list("server") != ["stub"]
    assert len(answer.headers.get_list("date")) == 1


@pytest.mark.promise("GW8")
async def test_claims_of_identity_and_way_are_dropped_and_the_request_gets_its_own_id(
    door: Served, upstream: Upstreams
) -> None:
    upstream.handler = echo
    spoofed = {
        "X-User-Id": "1",
        "X-User-Roles": "administrator",
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Proto": "https",
        "Forwarded": "for=10.0.0.1",
        "Request-Id": "mine",
        "Linli-Timeout-Ms": "100000",
        "Connection": "keep-alive, X-Secret",
        "X-Secret": "hop",
        "TE": "trailers",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "Idempotency-Key": "a-key-of-the-client",
    }
    async with door.client(WHO) as client:
        answers = [await client.post("/v1/orders", json={}, headers=spoofed) for _ in range(3)]
    for answer in answers:
        seen = headers_of(answer)
        assert not {"x-user-id", "x-user-roles", "forwarded", "x-secret", "te"} & seen.keys()
        assert not [name for name in seen if name.startswith("x-forwarded")]
        assert seen["request-id"] == answer.headers["request-id"] != "mine"
        assert made_at(UUID(seen["request-id"]))
        assert seen["traceparent"] == spoofed["traceparent"]
        assert seen["idempotency-key"] == "a-key-of-the-client"
        assert seen["authorization"].startswith("Bearer ")
        assert 0 < int(seen["linli-timeout-ms"]) < 2000
        assert "user-agent" in seen
    assert len({answer.headers["request-id"] for answer in answers}) == 3


async def test_each_collection_goes_to_its_owner_and_the_rest_is_nobodys(door: Served, upstream: Upstreams) -> None:
    upstream.handler = echo
    async with door.client(WHO) as client:
        for path in (
            "/v1/places",
            "/v1/orders/x",
            "/v1/sign-ups",
            "/v1/operations/registry/1",
            "/v1/dead-letters/orders",
        ):
            assert (await client.get(path)).status_code == 201
        for path in ("/v1/nothing", "/v1/operations/other/1", "/v2/orders", "/", "/v1/Orders", "/v1//orders"):
            assert problem(await client.get(path))["code"] == "not_found"


async def test_a_path_cannot_climb_out_of_its_collection(door: Served, upstream: Upstreams) -> None:
    upstream.handler = echo
    for target in ("/v1/orders/../people", "/v1/orders/%2e%2e/people", "/v1/orders/./x"):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(door.url.rpartition(":")[2]))
        writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert (await reader.read()).startswith(b"HTTP/1.1 404")
        writer.close()
    assert upstream.calls == []


@pytest.mark.promise("AZ3")
@pytest.mark.parametrize("token", ["Bearer x.y.z", "Bearer", "Basic abc", "Bearer lrt_something"])
async def test_a_bad_token_gets_no_further(door: Served, upstream: Upstreams, token: str) -> None:
    async with door.client() as client:
        answer = await client.get("/v1/orders", headers={"Authorization": token, "Accept-Language": "en"})
    assert problem(answer)["code"] == "unauthenticated"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert upstream.calls == []


async def test_without_a_token_the_owner_decides(door: Served, upstream: Upstreams) -> None:
    upstream.handler = echo
    async with door.client() as client:
        assert (await client.get("/v1/recruitment-calls")).status_code == 201


@pytest.mark.promise("GW1")
async def test_a_slow_service_is_given_up_at_the_deadline(door: Served, upstream: Upstreams) -> None:
    async def slow(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    upstream.handler = slow
    async with door.client(WHO) as client:
        for wanted, limit in (("300", 0.3), ("90000", 2.0), ("soon", 2.0)):
            began = time.monotonic()
            answer = await client.get("/v1/orders", headers={"Linli-Timeout-Ms": wanted})
            assert time.monotonic() - began >= limit
            assert (answer.status_code, problem(answer)["code"]) == (504, "deadline_exceeded")
    assert [int(call.headers["Linli-Timeout-Ms"]) <= 300 for call in upstream.calls] == [True, False, False]


@pytest.mark.promise("GW3")
async def test_a_service_that_is_down_costs_next_to_nothing_and_comes_back(door: Served, upstream: Upstreams) -> None:
    broken = door.resources.extra["upstreams"]["orders"]
    url, broken._url = broken._url, "http://127.0.0.1:9"  # nobody listens there
    async with door.client(WHO) as client:
        for _ in range(8):
            answer = await client.get("/v1/orders")
            assert (answer.status_code, problem(answer)["code"]) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) >= 1
        assert broken._breaker.is_open
        assert (await client.get("/v1/places")).status_code != 503  # the others are not concerned
        broken._url, upstream.handler = url, echo
        await asyncio.sleep(OPEN_SECONDS)
        assert (await client.get("/v1/orders")).status_code == 201
        assert not broken._breaker.is_open


@pytest.mark.promise("GW3")
async def test_no_more_requests_than_the_cap_are_in_flight(door: Served, upstream: Upstreams) -> None:
    release = asyncio.Event()

    async def wait(_: web.Request) -> web.StreamResponse:
        await release.wait()
        return web.Response(status=204)

    upstream.handler = wait
    door.resources.extra["upstreams"]["orders"]._left = 3
    async with door.client(WHO) as client:
        waiting = [asyncio.create_task(client.get("/v1/orders")) for _ in range(3)]
        await until(lambda: len(upstream.calls) == 3)
        assert (await client.get("/v1/orders")).status_code == 503
        release.set()
        assert [(await one).status_code for one in waiting] == [204] * 3
        assert (await client.get("/v1/orders")).status_code == 204


async def test_not_yet_known_is_asked_again_once(door: Served, upstream: Upstreams) -> None:
    async def unknown_at_first(request: web.Request) -> web.StreamResponse:
        if len(upstream.calls) % 2:
            body = {"code": "not_yet_known", "status": 409}
            return web.json_response(
                body, status=409, content_type="application/problem+json", headers={"Retry-After": "1"}
            )
        return await echo(request)

    upstream.handler = unknown_at_first
    async with door.client(WHO) as client:
        answer = await client.post("/v1/orders", json={"a": 1}, headers={"Idempotency-Key": "one-key"})
        assert (answer.status_code, answer.json()["body"]) == (201, '{"a":1}')
        assert len(upstream.calls) == 2
        assert {call.headers["Idempotency-Key"] for call in upstream.calls} == {"one-key"}
        hurried = await client.get("/v1/orders", headers={"Linli-Timeout-Ms": "900"})
        assert (hurried.status_code, hurried.json()["code"]) == (409, "not_yet_known")
        assert len(upstream.calls) == 3


@pytest.mark.promise("GW2")
async def test_a_lost_connection_is_tried_again_only_with_a_key(door: Served, upstream: Upstreams) -> None:
    async def hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    upstream.handler = hang_up
    async with door.client(WHO) as client:
        answer = await client.post("/v1/orders", json={})
        assert (answer.status_code, problem(answer)["code"], len(upstream.calls)) == (502, "bad_upstream", 1)
        answer = await client.post("/v1/orders", json={}, headers={"Idempotency-Key": "another-key"})
        assert (answer.status_code, len(upstream.calls)) == (502, 3)


@pytest.mark.promise("GW2")
async def test_repeats_stay_within_a_fifth(door: Served, upstream: Upstreams) -> None:
    async def hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    upstream.handler = hang_up
    orders = door.resources.extra["upstreams"]["orders"]
    orders.retries._saved = 0.0
    async with door.client(WHO) as client:
        for number in range(50):
            orders._breaker.succeeded()  # its opening is another test
            await client.post("/v1/orders", json={}, headers={"Idempotency-Key": f"key-number-{number}"})
    assert len(upstream.calls) <= 60


async def test_large_uploads_stream_and_too_large_ones_are_refused(door: Served, upstream: Upstreams) -> None:
    async def measure(request: web.Request) -> web.StreamResponse:
        size = 0
        async for part in request.content.iter_any():
            size += len(part)
        return web.json_response({"size": size})

    upstream.handler = measure
    upload = {"Content-Type": "multipart/form-data; boundary=x"}
    async with door.client(WHO) as client:
        answer = await client.post("/v1/places/upload", content=bytes(20 << 20), headers=upload)
        assert answer.json() == {"size": 20 << 20}
        before = len(upstream.calls)
        answer = await client.post("/v1/places/upload", content=bytes(200 << 20), headers=upload)
        assert (answer.status_code, problem(answer)["code"]) == (413, "body_too_large")
        answer = await client.post("/v1/orders", content=bytes(2 << 20))
        assert answer.status_code == 413
        assert len(upstream.calls) == before


async def test_a_body_without_length_is_cut_at_the_limit(door: Served, upstream: Upstreams) -> None:
    async def swallow(request: web.Request) -> web.StreamResponse:
        await request.read()
        return web.Response()

    async def endless() -> Any:
        for _ in range(40):
            yield bytes(1 << 20)

    upstream.handler = swallow
    async with door.client(WHO) as client:
        answer = await client.post("/v1/orders", content=endless())
    assert (answer.status_code, problem(answer)["code"]) == (413, "body_too_large")


async def test_a_large_answer_streams_and_one_that_breaks_off_is_no_success(door: Served, upstream: Upstreams) -> None:
    async def large(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/csv"})
        await response.prepare(request)
        for _ in range(8):
            await response.write(bytes(1 << 20))
        if request.query.get("broken"):
            assert request.transport is not None
            request.transport.abort()
        return response

    upstream.handler = large
    async with door.client(WHO) as client:
        assert len((await client.get("/v1/orders")).content) == 8 << 20
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/v1/orders?broken=1")


@pytest.mark.promise("GW6")
async def test_limits_are_told_and_kept_for_each_caller(door: Served, upstream: Upstreams) -> None:
    upstream.handler = echo
    settings = door.resources.settings
    settings.requests_per_minute = 5  # type: ignore[attr-defined]
    async with door.client(person()) as one, door.client(person()) as other:
        answers = [await one.get("/v1/orders") for _ in range(7)]
        assert [answer.status_code for answer in answers] == [201] * 5 + [429] * 2
        assert answers[0].headers["ratelimit-policy"] == '"user";q=5;w=60'
        assert answers[0].headers["ratelimit"].startswith('"user";r=4;t=')
        assert problem(answers[-1])["code"] == "rate_limited"
        assert 0 < int(answers[-1].headers["retry-after"]) <= 60
        assert answers[-1].headers["ratelimit"].startswith('"user";r=0;')
        assert (await other.get("/v1/orders")).status_code == 201
        forged = await one.get("/v1/orders", headers={"X-Forwarded-For": "203.0.113.9", "X-User-Id": str(new_id())})
        assert forged.status_code == 429


async def test_browsers_of_listed_origins_may_call(door: Served, upstream: Upstreams) -> None:
    upstream.handler = echo
    asked = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match,authorization"}
    async with door.client() as client:
        allowed = await client.options("/v1/orders/1", headers=asked | {"Origin": "https://console.example"})
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == "https://console.example"
        assert allowed.headers["access-control-max-age"] == "7200"
        refused = await client.options("/v1/orders/1", headers=asked | {"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in refused.headers
        answer = await client.get("/v1/orders", headers={"Origin": "https://console.example"})
        exposed = answer.headers["access-control-expose-headers"]
        assert all(name in exposed for name in ("ETag", "Retry-After", "RateLimit", "Request-Id", "Location"))
        assert "Origin" in answer.headers["vary"]


async def test_the_gateways_own_routes_come_through_the_same_door(door: Served) -> None:
    async with door.client(WHO) as client:
        answer = await client.get("/v1/me", headers={"Request-Id": "mine"})
        assert answer.json()["id"] == str(WHO.id)
        assert answer.headers.get_list("request-id") != ["mine"]
        assert len(answer.headers.get_list("request-id")) == 1
        assert answer.headers["ratelimit"].startswith('"user";')
        assert (await client.get("/v1/.well-known/jwks.json")).headers.get("ratelimit") is None


async def test_what_is_for_the_inside_is_closed_in_production(door: Served) -> None:
    async with door.client() as client:
        assert [(await client.get(path)).status_code for path in ("/metrics", "/docs", "/openapi.json")] == [200] * 3
        door.resources.settings.common.profile = "production"
        assert [(await client.get(path)).status_code for path in ("/metrics", "/docs", "/openapi.json")] == [404] * 3
        assert (await client.get("/health/live")).status_code == 200


async def test_one_document_for_all_or_the_name_of_who_is_missing(door: Served, upstream: Upstreams) -> None:
    async def documents(request: web.Request) -> web.StreamResponse:
        if request.path != "/openapi.json":
            return await echo(request)
        return web.json_response({"paths": {}, "components": {"schemas": {}}})

    upstream.handler = documents
    async with door.client() as client:
        orders, door.resources.settings.orders_url = door.resources.settings.orders_url, "http://127.0.0.1:9"  # type: ignore[attr-defined]
        missing = await client.get("/v1/openapi.json", headers={"Accept-Language": "en"})
        assert (missing.status_code, problem(missing)["code"]) == (503, "unavailable")
        assert "orders" in missing.json()["detail"]
        door.resources.settings.orders_url = orders  # type: ignore[attr-defined]
        merged = await client.get("/v1/openapi.json")
        assert merged.headers["cache-control"] == "public, max-age=300"
        assert "/v1/sessions" in json.loads(merged.content)["paths"]
        calls = len(upstream.calls)
        unchanged = await client.get("/v1/openapi.json", headers={"If-None-Match": merged.headers["etag"]})
        assert (unchanged.status_code, len(upstream.calls)) == (304, calls)
