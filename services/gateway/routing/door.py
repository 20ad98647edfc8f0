"""The gateway's outermost application: a bare ASGI app, because every request of the system passes here.

A path whose first segment belongs to a service is forwarded as bytes (``routing.owners``); everything else is answered
by the gateway's own FastAPI application. Both get a new request id, a rate limit and clean headers. Measured: a FastAPI
route in this place costs twice the CPU per request.
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import cast

import structlog
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from services.gateway.addresses import client_address
from services.gateway.limits import Limiter, Policy, Standing
from services.gateway.routing.bodies import ClientGone, RequestBody
from services.gateway.routing.forward import deadline_problem, forward
from services.gateway.routing.headers import Raw, trusted, value_of
from services.gateway.routing.owners import is_file, owner_of
from services.gateway.settings import GatewaySettings
from shared.app import DEADLINE_MS, UPLOAD_DEADLINE_MS, problem_response
from shared.bus.context import correlation_id
from shared.ids import new_id
from shared.problems import NotFound, Problem, Unauthenticated
from shared.service import Resources

log = structlog.get_logger()
INSIDE_ONLY = ("/metrics", "/openapi.json", "/docs")
"""Not shown to the world in the production profile."""
VARY = (b"vary", b"Accept-Language, Origin")


@dataclass
class Visit:
    """One request at the door."""

    scope: Scope
    headers: list[Raw]
    request_id: str
    extra: list[Raw] = field(default_factory=list)
    started: bool = False

    def sender(self, send: Send) -> Send:
        """Adds to the answer what the gateway says itself."""

        async def tagged(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.started = True
                message["headers"] = [*message["headers"], VARY, *self.extra]
            await send(message)

        return tagged

    async def refuse(self, problem: Problem, send: Send) -> None:
        accept = value_of(self.headers, b"accept-language")
        response = problem_response(problem, accept, self.scope["path"], self.request_id)
        response.headers["Request-Id"] = self.request_id
        await response(self.scope, _nothing_more, send)


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}


class Door:
    """``inner`` is the gateway's own application; its lifespan opens the resources that the door uses too."""

    def __init__(self, inner: FastAPI) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        visit = Visit(scope, trusted(scope["headers"]), str(new_id()))
        token = correlation_id.set(visit.request_id)
        tagged = visit.sender(send)
        try:
            await self._let_in(visit, receive, tagged)
        except Exception:
            if visit.started:
                raise
            log.exception("request_failed", path=scope["path"])
            await visit.refuse(Problem(), tagged)
        finally:
            correlation_id.reset(token)

    async def _let_in(self, visit: Visit, receive: Receive, send: Send) -> None:
        path = visit.scope["path"]
        owner = owner_of(path)
        try:
            if any(part in (".", "..") for part in path.split("/")) or (self._closed and path in INSIDE_ONLY):
                raise NotFound(("没有此地址。", "There is no such path; see /v1/openapi.json."))
            standing = await self._standing(visit, owner is not None)
        except Problem as problem:
            await visit.refuse(problem, send)
            return
        if standing is not None:
            visit.extra = [(name.lower().encode(), value.encode()) for name, value in standing.headers().items()]
        if owner is None:
            # The application's own frame reads the id from the request and writes it into the answer.
            visit.scope["headers"] = [*visit.headers, (b"request-id", visit.request_id.encode())]
            await self._inner(visit.scope, receive, send)
        else:
            await self._forward(visit, owner, receive, send)

    async def _standing(self, visit: Visit, forwarded: bool) -> Standing | None:
        """Who asks, and how they stand with their limit; None for what is not limited. Raises Unauthenticated for a bad
        token on its way to a service, RateLimited, Unavailable."""
        if not visit.scope["path"].startswith("/v1/") or visit.scope["path"].startswith("/v1/.well-known/"):
            return None
        resources = self._resources
        settings = cast(GatewaySettings, resources.settings)
        who = None
        if authorization := value_of(visit.headers, b"authorization"):
            try:
                who = await resources.verifier.principal(authorization)
            except Unauthenticated:
                if forwarded:
                    raise
        if who is None:
            policy = Policy("address", settings.anonymous_requests_per_minute, 60)
            caller = self._address(visit.scope, settings)
        elif who.kind == "service":
            return None
        else:
            policy, caller = Policy("user", settings.requests_per_minute, 60), str(who.id)
        limiter: Limiter = resources.extra["limiter"]
        standing = await limiter.take(policy, caller)
        standing.must()
        return standing

    async def _forward(self, visit: Visit, owner: str, receive: Receive, send: Send) -> None:
        content_type = value_of(visit.headers, b"content-type")
        body = RequestBody(visit.scope["headers"], receive, content_type.startswith("multipart/form-data"))
        budget = _budget(visit.scope, content_type)
        deadline = time.monotonic() + budget
        try:
            async with asyncio.timeout(budget):
                upstream = self._resources.extra["upstreams"][owner]
                await forward(upstream, visit.scope, visit.headers, visit.request_id, body, deadline, send)
        except TimeoutError:
            await self._fail(visit, deadline_problem(), body, send)
        except ClientGone:
            return
        except Problem as problem:
            await self._fail(visit, problem, body, send)

    async def _fail(self, visit: Visit, problem: Problem, body: RequestBody, send: Send) -> None:
        if visit.started:
            log.warning("answer_broken_off", code=problem.code, path=visit.scope["path"])
            raise ConnectionAbortedError(problem.code)  # too late for a problem: the server closes the connection
        if body.too_large:
            await _while_lingering(visit, problem, body, send)
        else:
            await visit.refuse(problem, send)

    def _address(self, scope: Scope, settings: GatewaySettings) -> str:
        peer = scope["client"][0] if scope.get("client") else ""
        forwarded_for = value_of(scope["headers"], b"x-forwarded-for") if settings.trusted_proxies else None
        return client_address(peer, forwarded_for, settings.trusted_proxies)

    @property
    def _resources(self) -> Resources:
        return cast(Resources, self._inner.state.resources)

    @property
    def _closed(self) -> bool:
        return self._resources.settings.common.profile == "production"


def _budget(scope: Scope, content_type: str) -> float:
    """Seconds for the whole request: what the client wants, at most 2, or 15 where a file is sent or made."""
    limit = UPLOAD_DEADLINE_MS if is_file(scope["path"], content_type) else DEADLINE_MS
    wanted = value_of(scope["headers"], b"linli-timeout-ms")
    return min(int(wanted[:9]), limit) / 1000 if wanted.isdecimal() and int(wanted[:9]) > 0 else limit / 1000


async def _while_lingering(visit: Visit, problem: Problem, body: RequestBody, send: Send) -> None:
    """Answers while the client is still sending: a connection closed under unread data would take the answer along."""

    async def held_open(message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            await send({**message, "more_body": True})
            await body.linger()
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    with contextlib.suppress(ClientGone):
        await visit.refuse(problem, held_open)
