"""Long work as jobs (api.md §4): an upload is checked row by row, waits for a confirmation, then all or nothing of it
is applied.

A service writes one ``JobKind`` per kind, starts jobs with ``start_job`` in its upload route (answering ``accepted``),
includes ``operations_router`` in its API and runs ``run_jobs`` as a loop of its worker::

    async def uploads(resources: Resources) -> None:
        await run_jobs(resources, RECORD, {"households.upload": JobKind(check, apply, discard)})
"""

from shared.jobs.api import OperationPublic, accepted, operations_router
from shared.jobs.loop import JobKind, Progress, run_jobs, run_waiting
from shared.jobs.rows import Checked, Job, RowError, content_of, start_job

__all__ = [
    "Checked",
    "Job",
    "JobKind",
    "OperationPublic",
    "Progress",
    "RowError",
    "accepted",
    "content_of",
    "operations_router",
    "run_jobs",
    "run_waiting",
    "start_job",
]
