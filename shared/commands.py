"""The commands that every service has: ``python -m services.<service> api|worker|…``."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

import typer
import uvicorn
import uvloop

from shared.app import build_app
from shared.operating import add_operating_commands
from shared.service import Service
from shared.telemetry import configure_logging
from shared.worker import run_worker

KEEP_ALIVE_SECONDS = 75
"""Longer than any pool in front keeps a connection, so that a POST never meets a closing one."""


def commands(service: Service) -> typer.Typer:
    """The Typer application of a service; its own ``__main__.py`` may add commands."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, help=f"{service.title}.")

    @app.command()
    def api() -> None:
        """Serve the API."""
        settings = service.settings()
        configure_logging(service.name, "api", settings.common.log_level)
        application = build_app(service)
        application.openapi()  # a second's work that no request's deadline should have to hold
        uvicorn.run(
            application if service.outermost is None else service.outermost(application, settings),
            host=settings.common.host,
            port=settings.port,
            loop="uvloop",
            http="httptools",
            access_log=False,
            log_level="warning",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=10,
        )

    @app.command()
    def worker() -> None:
        """Run relay, consumers and timers."""
        configure_logging(service.name, "worker", service.settings().common.log_level)
        run_until_signalled(run_worker(service))

    add_operating_commands(app, service)
    return app


def run_until_signalled(work: Coroutine[Any, Any, None]) -> None:
    """Runs ``work``; SIGTERM and SIGINT cancel it and end the process with status 0."""

    async def main() -> None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            if not task.cancelled():
                raise

    uvloop.run(main())
