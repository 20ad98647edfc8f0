"""One request to a service and its answer back, byte for byte."""

import asyncio
import time

import aiohttp
import orjson
from starlette.types import Scope, Send

from services.gateway.routing.bodies import RequestBody
from services.gateway.routing.headers import Raw, answered, value_of
from services.gateway.routing.upstreams import Upstream
from shared.problems import Problem

HELD_ANSWER_BYTES = 256 << 10
RESERVE_SECONDS = 0.02
"""Kept back of the deadline, so that the service's own 504 arrives before ours is due."""
LEAST_SECONDS = 0.2
"""What must be left of the deadline for a second try."""


def deadline_problem() -> Problem:
    return Problem(
        ("处理超时, 结果未知; 请用同一个键重试。", "It took too long; repeat it with the same key."),
        code="deadline_exceeded",
    )


async def forward(
    upstream: Upstream,
    scope: Scope,
    headers: list[Raw],
    request_id: str,
    body: RequestBody,
    deadline: float,
    send: Send,
) -> None:
    """``deadline`` on the monotonic clock; the caller enforces it. Raises what ``Upstream.exchange`` raises.

    A body that is held lets the request be repeated once: after ``not_yet_known``, and after a lost connection where
    an Idempotency-Key makes that safe.
    """
    await body.hold()
    upstream.retries.earn()
    target = _target(scope)
    keyed = body.held is not None and bool(value_of(headers, b"idempotency-key"))
    repeatable = body.held is not None
    while True:
        left = deadline - time.monotonic()
        sent = [*headers, (b"request-id", request_id.encode()), (b"linli-timeout-ms", _milliseconds(left))]
        head_came = False
        try:
            async with upstream.exchange(scope["method"], target, sent, body) as answer:
                head_came = True
                pause = await _answer(answer, request_id, send, deadline if repeatable else 0.0, upstream)
        except Problem as problem:
            lost = problem.code == "bad_upstream" and not head_came
            if not lost or not keyed or not repeatable or not upstream.retries.spend():
                raise
            pause = 0.0
        if pause is None:
            return
        repeatable = False
        await asyncio.sleep(pause)


async def _answer(
    answer: aiohttp.ClientResponse, request_id: str, send: Send, deadline: float, upstream: Upstream
) -> float | None:
    """Sends the answer on; or, for ``not_yet_known`` with time left, sends nothing and says how long to wait."""
    length = answer.content_length
    held = None
    if length is not None and length <= HELD_ANSWER_BYTES:
        held = await answer.read()
        pause = _pause(answer, held, deadline)
        if pause is not None and upstream.retries.spend():
            return pause
    head = [*answered(answer.raw_headers), (b"request-id", request_id.encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": head})
    if held is not None:
        await send({"type": "http.response.body", "body": held})
        return None
    async for part in answer.content.iter_any():
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
    return None


def _pause(answer: aiohttp.ClientResponse, held: bytes, deadline: float) -> float | None:
    if answer.status != 409 or b"not_yet_known" not in held:
        return None
    try:
        code = orjson.loads(held).get("code")
        pause = float(answer.headers.get("Retry-After", "1"))
    except (ValueError, AttributeError):
        return None
    if code != "not_yet_known" or pause < 0 or time.monotonic() + pause + LEAST_SECONDS > deadline:
        return None
    return pause


def _target(scope: Scope) -> str:
    """Path and query as the client wrote them."""
    path: str = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query: str = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _milliseconds(left: float) -> bytes:
    return str(max(1, int((left - RESERVE_SECONDS) * 1000))).encode()
