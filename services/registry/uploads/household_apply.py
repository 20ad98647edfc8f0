"""Applying a checked list of households: rows move by SQL alone, and each household's event is recorded."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.registry.consents.use_cases import EXPIRE
from services.registry.households.tables import HouseholdDuplicate
from services.registry.uploads.households import check, discard, staged_of
from services.registry.uploads.tables import StagedHousehold
from shared.bus.outbox import record_many
from shared.contracts.registry import HOUSEHOLD, ConsentV1, HouseholdV1
from shared.database import insert_rows, transaction_time
from shared.ids import new_id
from shared.jobs import Job, JobKind

CHUNK = 1_000

_HOUSEHOLDS = text(
    "INSERT INTO households (id, version, area, door_sealed, door_key, size, contact_name_sealed, phone_sealed,"
    " phone_key, flags_sealed, flags_basis, flags_emergency_id, flags_recorded_by, flags_recorded_at, priority_class,"
    " notify, state, emergency_id, created_by, created_at)"
    " SELECT household_id, 1, area, door_sealed, door_key, size, contact_name_sealed, phone_sealed, phone_key,"
    " flags_sealed, flags_basis, emergency_id, CASE WHEN flags_basis IS NOT NULL THEN CAST(:by AS uuid) END,"
    " CASE WHEN flags_basis IS NOT NULL THEN now() END, priority_class, notify, 'active', emergency_id,"
    " CAST(:by AS uuid), now() FROM staged_households WHERE job_id = :job ORDER BY household_id"
)
_CODES = text(
    "INSERT INTO claim_codes (household_id, area, code_key, code_sealed, issued_at)"
    " SELECT household_id, area, code_key, code_sealed, now() FROM staged_households WHERE job_id = :job"
)
_CONSENTS = text(
    "INSERT INTO consents (id, version, area, household_id, role, role_area, given_how, recorded_by, until_at, state,"
    " emergency_id, created_at)"
    " SELECT consent_id, 1, area, household_id, consent_role, consent_area, consent_how, CAST(:by AS uuid),"
    " consent_until, 'active', emergency_id, now() FROM staged_households"
    " WHERE job_id = :job AND consent_id IS NOT NULL"
)
_TIMERS = text(
    "INSERT INTO timers (id, kind, ref, due_at) SELECT consent_id, CAST(:kind AS text), consent_id, consent_until"
    " FROM staged_households WHERE job_id = :job AND consent_id IS NOT NULL"
)
_PAIRS = text(
    "WITH staged AS (SELECT household_id, phone_key FROM staged_households WHERE job_id = :job),"
    " phones AS (SELECT array_agg(h.id) AS ids, array_to_string((string_to_array(h.area, '.'))[1:5], '.') AS community"
    " FROM households h WHERE h.state = 'active' AND h.phone_key IN (SELECT phone_key FROM staged)"
    " GROUP BY h.phone_key, 2 HAVING count(*) BETWEEN 2 AND 5)"
    " SELECT community, one AS first_id, other AS second_id FROM phones, unnest(ids) one, unnest(ids) other"
    " WHERE one < other AND EXISTS (SELECT FROM staged WHERE household_id IN (one, other))"
)
"""Pairs with one phone in one community; a number that more than five households share is an office, not a family."""


async def apply(db: AsyncSession, resources: Any, job: Job) -> dict[str, int]:
    """Adds all households with their codes and consents, and tells each."""
    job_id = {"job": job.id}
    by = job_id | {"by": job.created_by}
    households = (await db.execute(_HOUSEHOLDS, by)).rowcount  # type: ignore[attr-defined]
    await db.execute(_CODES, job_id)
    consents = (await db.execute(_CONSENTS, by)).rowcount  # type: ignore[attr-defined]
    await db.execute(_TIMERS, job_id | {"kind": EXPIRE})
    duplicates = await _note_duplicates(db, job)
    last = UUID(int=0)
    while rows := await staged_of(db, job.id, last, CHUNK):
        await record_many(db, HOUSEHOLD, "household.created", [_state(row) for row in rows])
        last = rows[-1].household_id
    return {"households": households, "consents": consents, "probable_duplicates": duplicates}


async def _note_duplicates(db: AsyncSession, job: Job) -> int:
    pairs = (await db.execute(_PAIRS, {"job": job.id})).all()
    rows = [
        {
            "id": new_id(), "version": 1, "area": pair.community, "first_id": pair.first_id,
            "second_id": pair.second_id, "state": "open", "created_at": transaction_time(db),
        }
        for pair in pairs
    ]  # fmt: skip
    await insert_rows(db, HouseholdDuplicate, rows)
    return len(rows)


def _state(row: StagedHousehold) -> HouseholdV1:
    """The thin state of a household that was just added, equal to what ``messages.household_state`` makes of it."""
    consents = []
    if row.consent_id is not None and row.consent_until is not None:
        consents = [
            ConsentV1(
                id=row.consent_id, person_id=None, role=row.consent_role, area=row.consent_area, until=row.consent_until
            )
        ]
    return HouseholdV1(
        id=row.household_id,
        version=1,
        area=row.area,
        priority_class=row.priority_class,
        claims=[],
        consents=consents,
        notify=row.notify,
        merged_into=None,
        state="active",
    )


HOUSEHOLDS_UPLOAD = JobKind(check, apply, discard)
