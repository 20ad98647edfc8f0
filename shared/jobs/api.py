"""How a job is shown, confirmed and cancelled: ``/v1/operations/{service}/{operation_id}``."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from shared.auth import Principal
from shared.contracts.base import Topic
from shared.database import fetched, locked
from shared.idempotency import OnceKey
from shared.jobs.rows import OPERATION, Job, finish
from shared.openapi import ProblemDocument
from shared.problems import Problem
from shared.web import Caller, Db, Language, Public, language_of

OperationState = Literal["queued", "running", "awaiting_confirmation", "succeeded", "failed", "cancelled"]
RETRY_AFTER_SECONDS = "1"


class OperationProgress(Public):
    """Rows read so far, and how many there are once that is known."""

    done: int
    total: int | None


class OperationRowError(Public):
    """One wrong row of an uploaded file; the header is row 1."""

    row: int
    column: str
    code: str
    detail: str


class OperationPublic(Public):
    """A job. ``counts`` says what was applied; ``row_errors`` holds the first 1,000."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "0195c2a0-0000-7000-8000-000000000001",
                "kind": "households.upload",
                "state": "awaiting_confirmation",
                "progress": {"done": 3000, "total": 3000},
                "counts": {},
                "row_errors": [],
                "result_url": None,
                "problem": None,
                "created_at": "2020-02-12T02:00:00.000Z",
                "finished_at": None,
            }
        }
    )

    id: UUID
    kind: str
    state: OperationState
    progress: OperationProgress
    counts: dict[str, int]
    row_errors: list[OperationRowError]
    result_url: str | None
    problem: ProblemDocument | None
    created_at: datetime
    finished_at: datetime | None


def shown(job: Job, language: Language, path: str) -> OperationPublic:
    """The job in one language; ``confirmed`` is shown as running."""
    index = 0 if language == "zh" else 1
    return OperationPublic(
        id=job.id,
        kind=job.kind,
        state="running" if job.state == "confirmed" else job.state,
        progress=OperationProgress(done=job.done, total=job.total),
        counts=job.parameters.get("counts", {}),
        row_errors=[OperationRowError(**error | {"detail": error["detail"][index]}) for error in job.row_errors],
        result_url=job.result_url,
        problem=_problem(job.problem, language, path),
        created_at=job.created_at,
        finished_at=job.finished_at,
    )


def _problem(stored: dict[str, Any] | None, language: Language, path: str) -> ProblemDocument | None:
    if stored is None:
        return None
    zh, en = stored["detail"]
    return ProblemDocument.model_validate(Problem((zh, en), code=stored["code"]).body(language, path, None))


def accepted(request: Request, response: Response, job: Job, service: str) -> OperationPublic:
    """The answer to an upload: 202 with where to look, and when."""
    path = f"/v1/operations/{service}/{job.id}"
    response.status_code = 202
    response.headers["Location"] = path
    response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return shown(job, language_of(request.headers.get("accept-language")), path)


def operations_router(service: str, topic: Topic) -> APIRouter:
    """Read, confirm and cancel. Whoever uploaded may; others need ``operations.confirm`` or ``operations.cancel`` of
    the service's rights on the job's area. ``topic`` is the service's record topic."""
    router = APIRouter(prefix=f"/v1/operations/{service}", tags=["operations"])

    async def confirm_job(db: AsyncSession, who: Principal, operation_id: UUID) -> Job:
        job = await locked(db, Job, operation_id)
        _must_own(who, job, "operations.confirm")
        job.state = OPERATION.step(job.state, "confirm")
        return job

    async def cancel_job(db: AsyncSession, who: Principal, operation_id: UUID) -> Job:
        job = await locked(db, Job, operation_id)
        _must_own(who, job, "operations.cancel")
        if OPERATION.step(job.state, "cancel") != job.state:
            finish(db, topic, job, "cancelled")
        return job

    @router.get("/{operation_id}", operation_id=f"operations_get_{service}")
    async def read(operation_id: UUID, request: Request, response: Response, db: Db, who: Caller) -> OperationPublic:
        """Where a job stands."""
        job = await fetched(db, Job, operation_id)
        _must_own(who, job, "operations.read")
        response.headers["Cache-Control"] = "private, no-cache"
        if job.state in ("queued", "running", "confirmed"):
            response.headers["Retry-After"] = RETRY_AFTER_SECONDS
        return shown(job, language_of(request.headers.get("accept-language")), request.url.path)

    @router.post("/{operation_id}/confirm", operation_id=f"operations_confirm_{service}")
    async def confirm(operation_id: UUID, request: Request, once: OnceKey) -> OperationPublic:
        """Apply a checked upload: all of it or nothing."""
        job = await once(confirm_job, operation_id)
        return shown(job, language_of(request.headers.get("accept-language")), request.url.path)

    @router.post("/{operation_id}/cancel", operation_id=f"operations_cancel_{service}")
    async def cancel(operation_id: UUID, request: Request, once: OnceKey) -> OperationPublic:
        """Throw an upload away that is not confirmed yet."""
        job = await once(cancel_job, operation_id)
        return shown(job, language_of(request.headers.get("accept-language")), request.url.path)

    return router


def _must_own(who: Principal, job: Job, verb: str) -> None:
    if job.created_by != who.id:
        who.must(verb, on=job.area)
