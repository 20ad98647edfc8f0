"""Liveness is not readiness: alive answers at once, ready asks the database."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text

from shared.problems import Unavailable

health_router = APIRouter(include_in_schema=False)


@health_router.get("/health/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@health_router.get("/health/ready")
async def ready(request: Request) -> dict[str, str]:
    """The process can serve: its database answers."""
    try:
        async with request.app.state.resources.db.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except Exception as error:
        raise Unavailable(headers={"Retry-After": "2"}) from error
    return {"status": "ready"}


@health_router.get("/metrics")
async def metrics() -> Response:
    """Prometheus text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
