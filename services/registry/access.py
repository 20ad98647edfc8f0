"""Every look at personal data in clear is written down: who, which fields, of whom, what for (PIPL 55-56)."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints
from sqlalchemy import ARRAY, String, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.auth import Principal
from shared.database import transaction_time
from shared.ids import new_id
from shared.problems import Problem

_LOG = text(
    "INSERT INTO access_log (id, at, caller, caller_kind, verb, purpose, reference, area, subjects, fields)"
    " VALUES (:id, :at, :caller, :kind, :verb, :purpose, :reference, :area, :subjects, :fields)"
).bindparams(bindparam("subjects", type_=ARRAY(Uuid)), bindparam("fields", type_=ARRAY(String)))

Purpose = Annotated[str, StringConstraints(max_length=200)]


async def log_access(
    db: AsyncSession,
    who: Principal,
    verb: str,
    purpose: str,
    subjects: Sequence[UUID],
    fields: Sequence[str],
    *,
    area: str | None = None,
    reference: UUID | None = None,
) -> None:
    """Writes one row in the caller's transaction: no row, no answer. Raises Problem (purpose_required)."""
    if len(purpose.strip()) < 2:
        raise Problem(("请说明查看用途。", "Say what you need the data for, in purpose."), code="purpose_required")
    await db.execute(
        _LOG,
        {
            "id": new_id(), "at": transaction_time(db), "caller": who.id, "kind": who.kind, "verb": verb,
            "purpose": purpose.strip(), "reference": reference, "area": area, "subjects": list(subjects),
            "fields": list(fields),
        },
    )  # fmt: skip
