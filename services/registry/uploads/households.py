"""An uploaded list of households: checked row by row, sealed at once, applied as a whole.

No plain text outlives the check: what is staged is sealed and hashed already, and applying moves rows by SQL alone.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.registry.claims.codes import sealed_codes
from services.registry.emergencies.domain import over
from services.registry.emergencies.queries import active
from services.registry.emergencies.tables import Emergency
from services.registry.households import domain
from services.registry.households.sealing import blank, seal
from services.registry.households.tables import Household
from services.registry.policies.queries import household_values
from services.registry.uploads.household_rows import COLUMNS, HouseholdRow, read
from services.registry.uploads.places import chunks, row_errors
from services.registry.uploads.tables import StagedHousehold
from services.registry.uploads.tree import RowRefused, Tree
from shared.areas import Level, up_to
from shared.database import insert_rows, transaction_time
from shared.ids import new_id
from shared.jobs import Checked, Job, Progress, RowError
from shared.privacy import Vault
from shared.tabular import Row, read_table

KIND = "households.upload"


@dataclass
class Reading:
    """What a check knows while it reads."""

    tree: Tree
    emergencies: Sequence[Emergency]
    now: datetime
    consent_days: int
    vault: Vault
    doors: set[bytes] = field(default_factory=set)


@dataclass(frozen=True)
class Good:
    """A row that was read without fault."""

    number: int
    row: HouseholdRow
    door_key: bytes
    emergency_id: UUID | None
    basis: str | None


async def check(resources: Any, job: Job, content: bytes, progress: Progress) -> Checked:
    """Reads, seals and stages in chunks."""
    checked = Checked()
    async with resources.db.transaction() as db:
        await discard(db, job.id)
        reading = Reading(
            tree=await Tree.load(db, job.area),
            emergencies=await active(db),
            now=transaction_time(db),
            consent_days=(await household_values(db, job.area)).consent_days,
            vault=resources.vault,
        )
    for chunk in chunks(read_table(io.BytesIO(content), COLUMNS).rows):
        good = []
        for row in chunk:
            errors, found = _judge(reading, row)
            checked.add(errors)
            good += [found] if found else []
        async with resources.db.transaction() as db:
            checked.add(await _taken(db, good))
            if not checked.wrong:
                await insert_rows(db, StagedHousehold, await _sealed(reading, job, good))
        checked.total += len(chunk)
        await progress(checked.total)
    return checked


def _judge(reading: Reading, row: Row) -> tuple[list[RowError], Good | None]:
    errors = row_errors(row)
    try:
        found = read(reading.tree, row.values, reading.now, reading.consent_days)
        emergency = over(reading.emergencies, found.area)
        basis = domain.flags_basis(found.flags_consent, emergency is not None) if found.private.flags else None
        if found.private.flags and basis is None:
            raise RowRefused(
                "flags_consent",
                "consent_required",
                "登记特殊情况须经本人同意, 请填写同意方式",
                "Flags need the person's consent; say how it was given",
            )
        door_key = reading.vault.lookup(domain.door_text(found.area, found.private.unit), "door")
        if door_key in reading.doors:
            raise RowRefused("unit", "twice_in_file", "该户在文件中出现两次", "This door stands in the file twice")
    except RowRefused as refused:
        return [*errors, RowError(row.number, refused.column, refused.code, refused.texts)], None
    reading.doors.add(door_key)
    return errors, Good(row.number, found, door_key, emergency.id if emergency else None, basis)


async def _taken(db: AsyncSession, good: Sequence[Good]) -> list[RowError]:
    """Doors at which a household is registered already."""
    query = text("SELECT door_key FROM households WHERE door_key = ANY(CAST(:keys AS bytea[])) AND state = 'active'")
    taken = {bytes(key) for key in (await db.execute(query, {"keys": [one.door_key for one in good]})).scalars()}
    texts = ("该户已登记", "A household is registered at this door already")
    return [RowError(one.number, "unit", "already_registered", texts) for one in good if one.door_key in taken]


async def _sealed(reading: Reading, job: Job, good: Sequence[Good]) -> list[dict[str, Any]]:
    households = [
        blank(None, one.row.area, job.created_by, one.emergency_id, notify=one.row.notify, created_at=reading.now)
        for one in good
    ]
    await seal(reading.vault, households, [one.row.private for one in good])
    codes = await sealed_codes(reading.vault, [household.id for household in households])
    return [_staged(job.id, household, one, code) for household, one, code in zip(households, good, codes, strict=True)]


def _staged(job_id: UUID, household: Household, one: Good, code: tuple[bytes, bytes]) -> dict[str, Any]:
    consent = one.row.consent
    sealed = ("door_sealed", "door_key", "contact_name_sealed", "phone_sealed", "phone_key", "flags_sealed")
    return {
        "job_id": job_id,
        "household_id": household.id,
        "emergency_id": one.emergency_id,
        "area": one.row.area,
        "size": one.row.size,
        "notify": one.row.notify,
        "flags_basis": one.basis,
        "priority_class": household.priority_class,
        "code_key": code[0],
        "code_sealed": code[1],
        "consent_id": new_id() if consent else None,
        "consent_role": consent.role if consent else None,
        "consent_area": up_to(one.row.area, Level.COMMUNITY) if consent else None,
        "consent_how": consent.how if consent else None,
        "consent_until": consent.until_at if consent else None,
    } | {name: getattr(household, name) for name in sealed}


async def discard(db: AsyncSession, job_id: UUID) -> None:
    """Forgets what was staged."""
    await db.execute(text("DELETE FROM staged_households WHERE job_id = :job"), {"job": job_id})


async def staged_of(db: AsyncSession, job_id: UUID, after: UUID, limit: int) -> Sequence[StagedHousehold]:
    """The next staged rows, in the order of their ids."""
    query = select(StagedHousehold).where(
        col(StagedHousehold.job_id) == job_id, col(StagedHousehold.household_id) > after
    )
    return (await db.execute(query.order_by(col(StagedHousehold.household_id)).limit(limit))).scalars().all()
