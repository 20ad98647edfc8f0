"""The worker's loop over jobs: read and check a file, wait for the confirmation, apply all of it or nothing.

One job runs in one process at a time, guarded by an advisory lock that falls with the process; a job that was cut off
is begun again, so ``check`` must start from nothing and ``apply`` is one transaction.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

import structlog
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from shared.contracts.base import Topic
from shared.database import fetched, locked, transaction_time
from shared.jobs.rows import Checked, Job, content_of, finish
from shared.keys import DataClass
from shared.problems import Conflict, Invalid, Problem

POLL_SECONDS = 0.3
PAUSE_SECONDS = 2.0
ATTEMPTS = 3
UNIQUE_VIOLATION = "23505"
UNCONFIRMED_DAYS = 7
KEPT_DAYS = 30
TIDY_SECONDS = 3600.0
log = structlog.get_logger()

Progress = Callable[[int], Awaitable[None]]


class Check(Protocol):
    """``await check(resources, job, content, progress)`` reads the file in bounded chunks and stages its rows.

    It starts from nothing (a run that was cut off may have staged some), commits as it goes, and calls
    ``await progress(rows_done)``. Raises Problem when the file as a whole cannot be read.
    """

    def __call__(self, resources: Any, job: Job, content: bytes, progress: Progress) -> Awaitable[Checked]: ...


class Apply(Protocol):
    """``await apply(db, resources, job)`` applies what was staged, set-based, in the transaction given, which it never
    commits; returns counts to show. Raises Problem when it can no longer be applied."""

    def __call__(self, db: AsyncSession, resources: Any, job: Job) -> Awaitable[dict[str, int]]: ...


class Discard(Protocol):
    """``await discard(db, job_id)`` deletes what was staged."""

    def __call__(self, db: AsyncSession, job_id: UUID) -> Awaitable[None]: ...


@dataclass(frozen=True)
class JobKind:
    """How one kind of job is checked, applied and tidied."""

    check: Check
    apply: Apply
    discard: Discard


async def run_jobs(resources: Any, topic: Topic, kinds: Mapping[str, JobKind]) -> None:
    """Works off jobs of these kinds until cancelled; ``topic`` is the service's record topic."""
    tidied = -TIDY_SECONDS
    while True:
        try:
            if (moment := asyncio.get_running_loop().time()) - tidied >= TIDY_SECONDS:
                await _tidy(resources, topic)
                tidied = moment
            if not await run_waiting(resources, topic, kinds):
                await asyncio.sleep(POLL_SECONDS)
        except (DBAPIError, OSError, TimeoutError) as error:
            log.warning("jobs_interrupted", error=type(error).__name__)
            await asyncio.sleep(PAUSE_SECONDS)


_WAITING = text(
    "SELECT id FROM jobs WHERE kind = ANY(:kinds) AND (state IN ('queued', 'running', 'confirmed')"
    " OR (state IN ('cancelled', 'failed', 'succeeded') AND content IS NOT NULL)) ORDER BY created_at LIMIT 10"
)

_LOCK = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
_UNLOCK = text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))")


async def run_waiting(resources: Any, topic: Topic, kinds: Mapping[str, JobKind]) -> int:
    """Runs what waits now and is not being run elsewhere; returns how many jobs were taken up."""
    taken = 0
    async with resources.db.engine.connect() as guard:
        guard = await guard.execution_options(isolation_level="AUTOCOMMIT")
        for job_id in list((await guard.execute(_WAITING, {"kinds": list(kinds)})).scalars()):
            lock = {"name": f"job {job_id}"}
            if not (await guard.execute(_LOCK, lock)).scalar():
                continue
            try:
                await _run(resources, topic, kinds, job_id)
                taken += 1
            finally:
                await guard.execute(_UNLOCK, lock)
    return taken


async def _run(resources: Any, topic: Topic, kinds: Mapping[str, JobKind], job_id: UUID) -> None:
    async with resources.db.transaction() as db:
        job = await locked(db, Job, job_id)
        if job.state == "queued":
            job.state = "running"
    kind = kinds[job.kind]
    try:
        if job.state == "running":
            await _check(resources, topic, kind, job)
        elif job.state == "confirmed":
            await _apply(resources, topic, kind, job)
    except Problem as refused:
        await _fail(resources, topic, job_id, refused)
    except Exception as error:
        if isinstance(error, OSError) or getattr(error, "connection_invalidated", False):
            raise  # the database is away: the job stays and comes again
        if isinstance(error, IntegrityError) and getattr(error.orig, "sqlstate", None) == UNIQUE_VIOLATION:
            constraint = getattr(getattr(error.orig, "__cause__", None), "constraint_name", None)
            log.warning("job_met_a_change", job_id=str(job_id), constraint=constraint)
            await _fail(resources, topic, job_id, _changed_meanwhile())
        else:
            await _count_attempt(resources, topic, job_id, error)
    await _clean(resources, kind, job_id)


async def _check(resources: Any, topic: Topic, kind: JobKind, job: Job) -> None:
    async def progress(done: int) -> None:
        async with resources.db.transaction() as db:
            await db.execute(text("UPDATE jobs SET done = :done WHERE id = :id"), {"done": done, "id": job.id})

    checked = await kind.check(resources, job, await content_of(job, resources.vault), progress)
    async with resources.db.transaction() as db:
        row = await locked(db, Job, job.id)
        if row.state != "running":
            return
        row.done = row.total = checked.total
        if checked.wrong:
            row.row_errors = [error.stored() for error in checked.errors]
            finish(db, topic, row, "failed", _wrong_rows(checked))
        else:
            row.state = "awaiting_confirmation"


async def _apply(resources: Any, topic: Topic, kind: JobKind, job: Job) -> None:
    async with resources.db.transaction() as db:
        row = await locked(db, Job, job.id)
        counts = await kind.apply(db, resources, row)
        row.parameters = row.parameters | {"counts": counts}
        finish(db, topic, row, "succeeded")


def _wrong_rows(checked: Checked) -> Problem:
    return Invalid(
        (
            f"文件中有 {checked.wrong} 处错误, 未导入任何内容; 请按 row_errors 改正后重新上传。",
            f"The file has {checked.wrong} errors and nothing was applied; correct those rows and upload it again.",
        )
    )


def _changed_meanwhile() -> Problem:
    return Conflict(
        (
            "等待确认期间数据已有变化, 未导入任何内容; 请重新上传。",
            "What is stored has changed since the file was checked; nothing was applied; upload it again.",
        )
    )


async def _fail(resources: Any, topic: Topic, job_id: UUID, problem: Problem) -> None:
    async with resources.db.transaction() as db:
        job = await locked(db, Job, job_id)
        if job.state in ("running", "confirmed"):
            finish(db, topic, job, "failed", problem)


async def _count_attempt(resources: Any, topic: Topic, job_id: UUID, error: Exception) -> None:
    log.error("job_failed", job_id=str(job_id), error=type(error).__name__, exc_info=not isinstance(error, DBAPIError))
    async with resources.db.transaction() as db:
        job = await locked(db, Job, job_id)
        attempts = int(job.parameters.get("attempts", 0)) + 1
        job.parameters = job.parameters | {"attempts": attempts}
    if attempts >= ATTEMPTS:
        await _fail(resources, topic, job_id, Problem())


async def _clean(resources: Any, kind: JobKind, job_id: UUID) -> None:
    """Once a job is over, what it staged and its file are gone, and the file's key with them."""
    async with resources.db.transaction() as db:
        job = await fetched(db, Job, job_id)
        if job.state not in ("succeeded", "failed", "cancelled"):
            return
        await kind.discard(db, job_id)
        job.content = None
    await resources.keys.destroy(job_id, DataClass.IDENTITY)


async def _tidy(resources: Any, topic: Topic) -> None:
    """Gives up what nobody confirmed, forgets what ended long ago."""
    async with resources.db.transaction() as db:
        waited = transaction_time(db) - timedelta(days=UNCONFIRMED_DAYS)
        stale = select(Job).where(Job.state == "awaiting_confirmation", Job.created_at < waited).with_for_update()  # type: ignore[arg-type]
        for job in (await db.execute(stale)).scalars():
            finish(db, topic, job, "cancelled")
        old = "DELETE FROM jobs WHERE content IS NULL AND finished_at < now() - make_interval(days => :days)"
        await db.execute(text(old), {"days": KEPT_DAYS})
