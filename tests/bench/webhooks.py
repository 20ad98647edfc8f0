"""``python -m tests.bench.webhooks [events]``: deliveries per second of one gateway worker, on real PostgreSQL.

The receiver is a process of its own on this machine and shares its processors. Events are told as the effects consumer
tells them (500 per transaction), then sent by one sender with the settings' limits.
"""

import asyncio
import multiprocessing
import resource
import sys
import time
from dataclasses import replace

import httpx
from aiohttp import web

from services.gateway.service import SERVICE
from services.gateway.webhooks.deliveries import tell_outsiders
from services.gateway.webhooks.handshakes import shake_due
from services.gateway.webhooks.sender import Sender, client_of
from shared.auth import Grant
from shared.contracts.base import Event
from shared.ids import new_id
from tests.engines import Run, shared_engines
from tests.integration.gateway.webhooks.conftest import STREET, a_round
from tests.integration.service import Running, person, provisioned, running

PORT = 18_765
VERSIONS = 5


def receiver() -> None:
    """Accepts everything and counts."""
    count = 0

    async def post(request: web.Request) -> web.Response:
        nonlocal count
        await request.read()
        count += 1
        return web.Response(status=204)

    async def options(_: web.Request) -> web.Response:
        return web.Response(headers={"WebHook-Allowed-Origin": "*"})

    async def counted(_: web.Request) -> web.Response:
        return web.Response(text=str(count))

    app = web.Application()
    app.router.add_post("/", post)
    app.router.add_route("OPTIONS", "/", options)
    app.router.add_get("/", counted)
    web.run_app(app, host="127.0.0.1", port=PORT, print=None, access_log=None)


async def measure(count: int) -> None:
    async with running(SERVICE) as gateway:
        resources = replace(gateway.resources, db=gateway.worker)
        async with client_of(resources.settings) as client:  # type: ignore[arg-type]
            official = gateway.client(person(Grant("street_official", area=STREET)))
            wish = {"name": "bench", "url": f"http://127.0.0.1:{PORT}/", "event_types": ["*"], "area": STREET}
            assert (await official.post("/v1/webhook-endpoints", json=wish)).status_code == 201
            await shake_due(resources, client, "linli.example")
            entities = [new_id() for _ in range(count // VERSIONS)]
            events = [a_round(id, version) for version in range(1, VERSIONS + 1) for id in entities]
            seconds = await told(gateway, events)
            print(f"told {len(events)} events: {len(events) / seconds:.0f}/s")
            used, started = cpu(), time.monotonic()
            task = asyncio.create_task(Sender(resources, client).run())
            async with httpx.AsyncClient(trust_env=False) as http:
                while int((await http.get(f"http://127.0.0.1:{PORT}/")).text) < len(events):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            seconds = time.monotonic() - started
            task.cancel()
            print(
                f"sent {len(events)} deliveries in {seconds:.1f} s: {len(events) / seconds:.0f}/s,"
                f" {(cpu() - used) / len(events) * 1000:.2f} ms of the worker's CPU each"
            )


async def told(gateway: Running, events: list[Event]) -> float:
    started = time.monotonic()
    for begin in range(0, len(events), 500):
        async with gateway.worker.transaction() as db:
            for event in events[begin : begin + 500]:
                await tell_outsiders(db, event)
    return time.monotonic() - started


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    other = multiprocessing.get_context("spawn").Process(target=receiver, daemon=True)
    other.start()
    run = Run()
    try:
        with provisioned("gateway", shared_engines()):
            asyncio.run(measure(count))
    finally:
        run.close()
        other.terminate()


if __name__ == "__main__":
    main()
