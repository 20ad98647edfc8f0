"""Services behind the gateway, played by an aiohttp server whose answers a test chooses."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import UUID, uuid5

from aiohttp import web

from shared.ids import new_id

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
NAMESPACE = new_id()


class Upstreams:
    """One server that stands for all services; ``calls`` is what reached it."""

    def __init__(self) -> None:
        self.calls: list[web.Request] = []
        self.handler: Handler = registry_of_people
        self.url = ""

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.calls.append(request)
        return await self.handler(request)


async def registry_of_people(request: web.Request) -> web.StreamResponse:
    """Finds or makes the person behind a telephone, as registry does."""
    body = await request.json()
    return web.json_response({"id": str(person_of(body["phone"]))})


def person_of(phone: str) -> UUID:
    """The same telephone is the same person."""
    return uuid5(NAMESPACE, phone)


@asynccontextmanager
async def serving(port: int = 0) -> AsyncIterator[Upstreams]:
    """The stub at ``url`` until the block ends."""
    stub = Upstreams()
    runner = web.ServerRunner(web.Server(stub), shutdown_timeout=0.2)  # type: ignore[arg-type]
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    stub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield stub
    finally:
        await runner.cleanup()
