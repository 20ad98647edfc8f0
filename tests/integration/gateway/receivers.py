"""Receivers as tests need them: real HTTP servers on loopback that remember what came."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

Handler = Callable[["Received"], Awaitable[web.StreamResponse] | web.StreamResponse]


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    headers: dict[str, str]
    body: bytes
    request: web.Request

    @property
    def event(self) -> dict[str, Any]:
        parsed: dict[str, Any] = orjson.loads(self.body)
        return parsed


@dataclass
class Receiver:
    """Answers POST as ``answer`` says and the handshake as ``consent`` says (None: no answer to the question)."""

    url: str
    consent: str | None = "*"
    answer: Handler = field(default=lambda _: web.Response(status=204))
    got: list[Received] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)

    async def post(self, request: web.Request) -> web.StreamResponse:
        received = Received(dict(request.headers), await request.read(), request)
        self.got.append(received)
        made = self.answer(received)
        return made if isinstance(made, web.StreamResponse) else await made

    async def options(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.headers))
        return web.Response(headers={"WebHook-Allowed-Origin": self.consent} if self.consent else {})


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a free port of loopback."""
    receiver = Receiver("")
    app = web.Application(client_max_size=4 << 20)
    app.router.add_post("/hooks", receiver.post)
    app.router.add_route("OPTIONS", "/hooks", receiver.options)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hooks"
        yield receiver
    finally:
        await runner.cleanup()
