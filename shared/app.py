"""The FastAPI application of one service: problems, request ids, deadlines, health, metrics."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.bus.context import correlation_id, traceparent
from shared.health import health_router
from shared.ids import new_id
from shared.openapi import DEFAULT_PROBLEM, describe
from shared.problems import Conflict, Invalid, Malformed, NotFound, Problem, TooLarge, Unavailable
from shared.service import Resources, Service
from shared.validation import field_errors
from shared.web import NotModified, language_of

log = structlog.get_logger()
BODY_LIMIT = 1 << 20
UPLOAD_LIMIT = 32 << 20
DEADLINE_MS = 2_000
UPLOAD_DEADLINE_MS = 15_000


class RequestFrame:
    """Around every request: its id in and out, a deadline, and a bound on its body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        request_id = headers.get("request-id") or str(new_id())
        tokens = correlation_id.set(request_id), traceparent.set(headers.get("traceparent"))
        scope.setdefault("state", {})["request_id"] = request_id
        upload = headers.get("content-type", "").startswith("multipart/form-data")

        async def tagged_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"request-id", request_id.encode("latin-1"))]
            await send(message)

        try:
            bounded = _bounded(receive, UPLOAD_LIMIT if upload else BODY_LIMIT)
            async with asyncio.timeout(_deadline(headers, upload) / 1000):
                await self._app(scope, bounded, tagged_send)
        except TimeoutError:
            problem = Problem(
                ("处理超时, 结果未知; 请用同一个键重试。", "It took too long; repeat it with the same key."),
                code="deadline_exceeded",
            )
            await _answer(scope, headers, problem)(scope, receive, tagged_send)
        finally:
            correlation_id.reset(tokens[0])
            traceparent.reset(tokens[1])


def _deadline(headers: dict[str, str], upload: bool) -> int:
    """Milliseconds. The gateway says what is left (it knows which requests make a file); nobody says more than 15 s."""
    wanted = headers.get("linli-timeout-ms", "")[:9]
    if wanted.isdecimal() and int(wanted) > 0:
        return min(int(wanted), UPLOAD_DEADLINE_MS)
    return UPLOAD_DEADLINE_MS if upload else DEADLINE_MS


def _bounded(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise TooLarge((f"内容超过 {limit >> 20} MiB。", f"The body is larger than {limit >> 20} MiB; split it."))
        return message

    return bounded


def _answer(scope: Scope, headers: dict[str, str], problem: Problem) -> Response:
    return problem_response(
        problem, headers.get("accept-language"), scope["path"], scope.get("state", {}).get("request_id")
    )


def problem_response(problem: Problem, accept_language: str | None, path: str, request_id: str | None) -> Response:
    language = language_of(accept_language)
    return JSONResponse(
        problem.body(language, path, request_id),
        status_code=problem.status,
        media_type="application/problem+json",
        headers={"Content-Language": "zh-CN" if language == "zh" else "en", "Cache-Control": "no-store"}
        | problem.headers,
    )


def _handler(
    translate: Callable[[Any], Problem],
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:
        problem = translate(error)
        if problem.status == 500:
            log.error("request_failed", code=problem.code, path=request.url.path, exc_info=error)
        elif problem.status > 500:  # expected under load; a traceback each would add to it
            log.warning("request_failed", code=problem.code, path=request.url.path, error=type(error).__name__)
        return problem_response(
            problem, request.headers.get("accept-language"), request.url.path, request.scope["state"].get("request_id")
        )

    return handle


def _http_error(error: HTTPException) -> Problem:
    if isinstance(error.__cause__, Problem):
        return error.__cause__  # raised while FastAPI read the body, such as TooLarge
    if error.status_code == 404:
        return NotFound(("没有此地址。", "There is no such path; see /v1/openapi.json."))
    if error.status_code == 405:
        return Problem(code="method_not_allowed", headers=error.headers)
    if error.status_code == 413:
        return TooLarge()
    return Malformed() if error.status_code < 500 else Problem()


SQLSTATES: dict[str, Callable[[], Problem]] = {
    "23505": lambda: Conflict(
        ("相同的内容已经存在。", "The same thing exists already; read it first."), code="duplicate"
    ),
    "53100": lambda: Problem(code="storage_full", headers={"Retry-After": "60"}),
    "55P03": lambda: Unavailable(headers={"Retry-After": "1"}),
    "40P01": lambda: Unavailable(headers={"Retry-After": "1"}),
    "53300": lambda: Unavailable(headers={"Retry-After": "2"}),
    "57014": lambda: Problem(code="deadline_exceeded"),
    "25P04": lambda: Problem(code="deadline_exceeded"),
    "42501": lambda: Problem(code="forbidden"),
}


def _database_error(error: DBAPIError) -> Problem:
    state = getattr(error.orig, "sqlstate", None) or ""
    if make := SQLSTATES.get(state):
        return make()
    if state.startswith(("08", "57P")) or error.connection_invalidated:
        return Unavailable(headers={"Retry-After": "2"})
    if state in ("22003", "22P02", "22021"):
        return Invalid()
    return Problem()


async def _not_modified(_: Request, __: Exception) -> Response:
    return Response(status_code=304)


def build_app(service: Service) -> FastAPI:
    """The application; its resources open with the lifespan and are at ``app.state.resources``."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            resources = await Resources.open(service)
            stack.push_async_callback(resources.close)
            app.state.resources = resources
            if service.opens is not None:
                await stack.enter_async_context(service.opens(resources))
            yield

    app = FastAPI(
        title=service.title,
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses={"default": DEFAULT_PROBLEM},
        separate_input_output_schemas=False,
    )
    app.add_middleware(RequestFrame)
    app.add_exception_handler(Problem, _handler(lambda problem: problem))
    app.add_exception_handler(RequestValidationError, _handler(lambda error: Invalid(errors=field_errors(error))))
    app.add_exception_handler(HTTPException, _handler(_http_error))
    app.add_exception_handler(DBAPIError, _handler(_database_error))
    app.add_exception_handler(PoolTimeout, _handler(lambda _: Unavailable(headers={"Retry-After": "1"})))
    app.add_exception_handler(ConnectionError, _handler(lambda _: Unavailable(headers={"Retry-After": "2"})))
    app.add_exception_handler(TimeoutError, _handler(lambda _: Unavailable(headers={"Retry-After": "2"})))
    app.add_exception_handler(NotModified, _not_modified)
    app.add_exception_handler(Exception, _handler(lambda _: Problem()))
    app.include_router(health_router)
    for router in service.routers:
        app.include_router(router)
    describe(app)
    return app
