"""The worker of one service: relay, consumers, timers and its own loops in one TaskGroup. A crash is loud."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from shared.bus.consumer import run_consumer
from shared.bus.relay import run_relay
from shared.health import health_router
from shared.service import Resources, Service
from shared.tidying import run_tidying
from shared.timers import run_timers


async def run_worker(service: Service) -> None:
    """Runs until cancelled; the first task that fails ends the process with its error."""
    resources = await Resources.open(service, worker=True)
    common = resources.settings.common
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_serve_health(resources), name="health")
            group.create_task(run_relay(service, resources.db.engine, common.kafka_bootstrap), name="relay")
            for kind in ("copy", "effect"):
                chosen = [s for s in service.subscriptions if s.kind == kind]
                if chosen:
                    loop = run_consumer(service.name, kind, chosen, resources.db, common.kafka_bootstrap)
                    group.create_task(loop, name=f"consumer-{kind}")
            group.create_task(run_tidying(resources.db), name="tidying")
            if service.timers:
                group.create_task(run_timers(resources.db, service.timers), name="timers")
            for loop_of in service.loops:
                group.create_task(_forever(loop_of(resources)), name=loop_of.__name__)
    finally:
        await resources.close()


async def _forever(loop: Awaitable[None]) -> None:
    await loop


async def _serve_health(resources: Resources) -> None:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.resources = resources
        yield

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.include_router(health_router)
    config = uvicorn.Config(
        app,
        host=resources.settings.common.host,
        port=resources.settings.worker_port,
        log_level="warning",
        access_log=False,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    await server.serve()
