"""Merging two records of one household, and what to do with probable duplicates."""

from uuid import UUID

from sqlalchemy import or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.registry.checks import among
from services.registry.claims.tables import ClaimCode, HouseholdClaim
from services.registry.consents.tables import Consent
from services.registry.households import domain
from services.registry.households.schemas import HouseholdMerge
from services.registry.households.tables import Household, HouseholdDuplicate
from services.registry.households.use_cases import tell
from shared.auth import Principal
from shared.database import locked, transaction_time
from shared.ids import new_id
from shared.machine import Machine
from shared.problems import Conflict, invalid
from shared.web import Transition

DUPLICATE = Machine("household_duplicate", {"open": {"dismiss": "dismissed"}, "dismissed": {}, "merged": {}})

_HISTORY = text(
    "INSERT INTO household_merges (id, area, from_id, into_id, merged_by, merged_at, reason, moved_claims,"
    " moved_consents) VALUES (:id, :area, :from_id, :into_id, :by, :at, :reason, CAST(:claims AS uuid[]),"
    " CAST(:consents AS uuid[]))"
)


async def merge_household(db: AsyncSession, who: Principal, household_id: UUID, body: HouseholdMerge) -> Household:
    """``household_id`` becomes an alias of ``into_id``: its claims and consents move, its door is freed, its record
    stays as history. Quotas count on the one that stays; what is already over stays where it was."""
    if household_id == body.into_id:
        raise invalid("/into_id", "same", "不能并入自身。", "A household cannot be merged into itself.")
    pair = {one: await locked(db, Household, one) for one in sorted([household_id, body.into_id])}
    merged, heir = pair[household_id], pair[body.into_id]
    for household in pair.values():
        who.must("households.merge", on=household.area)
    if merged.state == "merged" and merged.merged_into == heir.id:
        return merged
    if heir.state != "active":
        raise invalid("/into_id", "merged", "目标户已并入他户。", "That household was merged itself; use its heir.")
    if merged.state == "merged":
        raise Conflict(("此户已并入另一户。", "It was merged into another household already."))
    await _move(db, who, merged, heir, body.note)
    merged.state, merged.merged_into = domain.HOUSEHOLD.step(merged.state, "merge"), heir.id
    merged.door_key = merged.phone_key = None
    await db.flush()
    await tell(db, heir, "household.updated")
    await tell(db, merged, "household.merged")
    return merged


async def _move(db: AsyncSession, who: Principal, merged: Household, heir: Household, reason: str | None) -> None:
    """Claims of people who have none on the heir, and present consents, now stand on the heir."""
    ids = [merged.id, heir.id]
    open_claims = select(HouseholdClaim).where(
        among(col(HouseholdClaim.household_id), ids), col(HouseholdClaim.state) != "refused"
    )
    claims = (await db.execute(open_claims.with_for_update())).scalars().all()
    taken = {claim.person_id for claim in claims if claim.household_id == heir.id}
    moved = [claim for claim in claims if claim.household_id == merged.id and claim.person_id not in taken]
    active = select(Consent).where(col(Consent.household_id) == merged.id, col(Consent.state) == "active")
    consents = (await db.execute(active.with_for_update())).scalars().all()
    rows: list[HouseholdClaim | Consent] = [*moved, *consents]
    for row in rows:
        row.household_id, row.area = heir.id, heir.area
        row.version += 1
    for claim in claims:
        if claim.household_id == merged.id:
            claim.state, claim.confirmed_how, claim.reason = "refused", None, "household_merged"
            claim.version += 1
    code = await db.get(ClaimCode, merged.id)
    if code is not None:
        await db.delete(code)
    now = transaction_time(db)
    await _settle_duplicates(db, who, merged.id)
    await db.execute(
        _HISTORY,
        {
            "id": new_id(), "area": heir.area, "from_id": merged.id, "into_id": heir.id, "by": who.id, "at": now,
            "reason": reason, "claims": [claim.id for claim in moved], "consents": [one.id for one in consents],
        },
    )  # fmt: skip


async def _settle_duplicates(db: AsyncSession, who: Principal, merged_id: UUID) -> None:
    mentions = or_(col(HouseholdDuplicate.first_id) == merged_id, col(HouseholdDuplicate.second_id) == merged_id)
    query = select(HouseholdDuplicate).where(mentions, col(HouseholdDuplicate.state) == "open").with_for_update()
    for duplicate in (await db.execute(query)).scalars():
        duplicate.state, duplicate.decided_by, duplicate.decided_at = "merged", who.id, transaction_time(db)
        duplicate.version += 1


async def dismiss_duplicate(
    db: AsyncSession, who: Principal, duplicate_id: UUID, body: Transition
) -> HouseholdDuplicate:
    """Two families, one phone: not a duplicate."""
    duplicate = await locked(db, HouseholdDuplicate, duplicate_id)
    who.must("household_duplicates.dismiss", on=duplicate.area)
    if (state := DUPLICATE.step(duplicate.state, "dismiss")) == duplicate.state:
        return duplicate
    duplicate.state, duplicate.decided_by, duplicate.decided_at = state, who.id, transaction_time(db)
    duplicate.reason = body.reason_code or body.note
    duplicate.version += 1
    return duplicate
