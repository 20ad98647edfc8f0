"""The row of a job, what may be done with it, and how it begins.

    queued → running (the file is read and checked) → awaiting_confirmation → confirmed → succeeded
                                                    ↘ failed                ↘ cancelled  ↘ failed

Nothing of an upload is applied before ``confirmed``; then all of it or nothing. The file waits sealed, under a key of
its own that is destroyed when the job ends.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.auth import Principal
from shared.bus.outbox import record
from shared.contracts.base import Topic
from shared.contracts.record import RecordV1
from shared.database import AreaText, transaction_time
from shared.ids import new_id
from shared.keys import DataClass
from shared.machine import Machine
from shared.privacy import Vault
from shared.problems import Problem, Text


class JobRow(SQLModel, registry=registry()):
    """The base of ``jobs``, a table that stands in every service's database."""


SHOWN_ERRORS = 1_000
"""Row errors kept and shown; the problem says how many there were."""

OPERATION = Machine(
    "operation",
    {
        "queued": {"cancel": "cancelled"},
        "running": {"cancel": "cancelled"},
        "awaiting_confirmation": {"confirm": "confirmed", "cancel": "cancelled"},
        "confirmed": {},
        "succeeded": {},
        "failed": {},
        "cancelled": {},
    },
)


class Job(JobRow, table=True):
    """``content``: the sealed file, NULL once the job is over and tidied. ``parameters``: what the kind needs."""

    __tablename__ = "jobs"

    id: UUID = Field(primary_key=True)
    kind: str
    area: str = Field(sa_type=AreaText)
    created_by: UUID
    state: str = "queued"
    done: int = 0
    total: int | None = None
    parameters: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
    content: bytes | None = Field(default=None, sa_type=LargeBinary)
    problem: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    row_errors: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSONB)
    result_url: str | None = None
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    finished_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


@dataclass(frozen=True)
class RowError:
    """One wrong row of a file. ``row`` counts as a spreadsheet does (the header is row 1); ``column`` is its name."""

    row: int
    column: str
    code: str
    detail: Text

    def stored(self) -> dict[str, Any]:
        return {"row": self.row, "column": self.column, "code": self.code, "detail": list(self.detail)}


@dataclass
class Checked:
    """What reading the file gave: how many rows, and what is wrong with which. Nothing wrong: it may be confirmed."""

    total: int = 0
    errors: list[RowError] = field(default_factory=list)
    wrong: int = 0

    def add(self, errors: Sequence[RowError]) -> None:
        """Counts all of them, keeps the first SHOWN_ERRORS."""
        self.wrong += len(errors)
        self.errors.extend(errors[: SHOWN_ERRORS - len(self.errors)])


async def start_job(
    db: AsyncSession, who: Principal, vault: Vault, kind: str, area: str, content: bytes, **parameters: Any
) -> Job:
    """Queues an upload for the worker; the content is sealed before it is stored."""
    job_id = new_id()
    job = Job(
        id=job_id,
        kind=kind,
        area=area,
        created_by=who.id,
        parameters=parameters,
        content=await vault.seal(base64.b64encode(content).decode(), job_id, DataClass.IDENTITY, "content"),
        created_at=transaction_time(db),
    )
    db.add(job)
    return job


async def content_of(job: Job, vault: Vault) -> bytes:
    """The uploaded file. Raises ValueError once the job is over."""
    opened = job.content and await vault.open(job.content, job.id, DataClass.IDENTITY, "content")
    if opened is None:
        raise ValueError("the content of this job is gone")
    return base64.b64decode(opened)


def finish(db: AsyncSession, topic: Topic, job: Job, state: str, problem: Problem | None = None) -> None:
    """Ends the job in ``state`` and tells so with ``operation.finished`` on the service's record topic."""
    job.state, job.finished_at = state, transaction_time(db)
    if problem is not None:
        job.problem = {"code": problem.code, "detail": list(problem.detail)}
    payload = RecordV1(
        id=job.id,
        version=1,
        area=job.area,
        kind=job.kind,
        state=state,
        refs={"created_by": job.created_by},
        reason=problem.code if problem else None,
    )
    record(db, topic, "operation.finished", payload)
