"""Every look at personal data in clear is written down: who, which fields, of whom, what for (PIPL 55-56)."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints
from sqlalchemy import ARRAY, String, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.auth import Principal
from shared.ids import new_id
from shared.problems import Problem

_LOG = text(
    "INSERT INTO access_log (id, at, caller, caller_kind, verb, purpose, area, subject, ref, fields)"
    " VALUES (:id, now(), :caller, :kind, :verb, :purpose, :area, :subject, :ref, :fields)"
).bindparams(bindparam("fields", type_=ARRAY(String)))

Purpose = Annotated[str, StringConstraints(max_length=200)]


async def log_access(
    db: AsyncSession,
    who: Principal,
    verb: str,
    purpose: str,
    *,
    area: str,
    subject: UUID,
    ref: UUID,
    fields: Sequence[str],
) -> None:
    """Writes one row in the caller's transaction: no row, no answer. Raises Problem (purpose_required)."""
    if len(purpose.strip()) < 2:
        raise Problem(("请说明查看用途。", "Say what you need the data for, in purpose."), code="purpose_required")
    row = {"id": new_id(), "caller": who.id, "kind": who.kind, "verb": verb, "purpose": purpose.strip()}
    await db.execute(_LOG, row | {"area": area, "subject": subject, "ref": ref, "fields": list(fields)})
