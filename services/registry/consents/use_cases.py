"""Recording and withdrawing proxy consents."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.registry.claims.queries import confirmed_claim
from services.registry.consents import domain
from services.registry.consents.schemas import ConsentCreate
from services.registry.consents.tables import Consent
from services.registry.emergencies.queries import emergencies_over
from services.registry.households.tables import Household
from services.registry.households.use_cases import tell
from services.registry.policies.queries import household_values
from shared.answers import same_or_conflict
from shared.areas import Level, covers, up_to
from shared.auth import Principal
from shared.database import locked, transaction_time, unknown_reference
from shared.ids import new_id
from shared.problems import NotFound, invalid
from shared.timers import schedule

EXPIRE = "consent.expire"
"""Timer: a consent's time is over; ``ref`` is its id."""


async def create_consent(db: AsyncSession, who: Principal, body: ConsentCreate) -> Consent:
    """Given by the household's own people in the app, or recorded by whoever heard or received it."""
    household = await _household(db, body.household_id)
    if await confirmed_claim(db, household.id, who.id) is None:
        who.must("consents.create", on=household.area)
    now = transaction_time(db)
    role_area = _grantee(body, household.area)
    longest = (await household_values(db, household.area)).consent_days
    if not domain.in_bounds(body.until_at, now, longest):
        zh, en = f"须在今后 {longest} 天之内。", f"It must end in the future, within {longest} days."
        raise invalid("/until_at", "out_of_bounds", zh, en, max_days=longest)
    if body.id and (present := await db.get(Consent, body.id)):
        return same_or_conflict(present, body.model_dump(include={"household_id", "person_id", "role", "until_at"}))
    await _must_exist(db, body.person_id)
    emergency = (await emergencies_over(db, [household.area])).get(household.area)
    consent = Consent(
        **body.model_dump(exclude={"id", "role_area"}),
        id=body.id or new_id(),
        area=household.area,
        role_area=role_area,
        recorded_by=who.id,
        emergency_id=emergency.id if emergency else None,
        created_at=now,
    )
    db.add(consent)
    await schedule(db, EXPIRE, consent.id, consent.until_at)
    await tell(db, household, "household.updated")
    return consent


async def _household(db: AsyncSession, household_id: UUID) -> Household:
    try:
        household = await locked(db, Household, household_id)
    except NotFound:
        raise unknown_reference(household_id, "/household_id") from None
    if household.state != "active":
        raise invalid("/household_id", "merged", "此户已并入另一户。", "This household was merged; use merged_into.")
    return household


def _grantee(body: ConsentCreate, area: str) -> str | None:
    """The area in which the role may act. Raises Invalid unless a person or a role is named."""
    if (body.person_id is None) == (body.role is None):
        raise invalid("/person_id", "one_of", "请给出 person_id 或 role 之一。", "Give either person_id or role.")
    if body.role is None:
        return None
    role_area = body.role_area or up_to(area, Level.COMMUNITY) or area
    if not covers(role_area, area):
        raise invalid("/role_area", "outside", "该区域不含此户。", "The household does not lie in this area.")
    return role_area


async def _must_exist(db: AsyncSession, person_id: UUID | None) -> None:
    if person_id is None:
        return
    if not (await db.execute(text("SELECT registry_person_exists(:id)"), {"id": person_id})).scalar_one():
        raise unknown_reference(person_id, "/person_id")


async def withdraw_consent(db: AsyncSession, who: Principal, consent_id: UUID) -> Consent:
    """By the household, or by whoever may record one."""
    consent = await locked(db, Consent, consent_id)
    if await confirmed_claim(db, consent.household_id, who.id) is None:
        who.must("consents.withdraw", on=consent.area)
    await _end(db, consent, "withdraw", who.id, transaction_time(db))
    return consent


async def _end(db: AsyncSession, consent: Consent, action: str, by: UUID | None, now: datetime) -> None:
    if (state := domain.CONSENT.step(consent.state, action)) == consent.state:
        return
    household = await locked(db, Household, consent.household_id)
    consent.state, consent.ended_at, consent.ended_by = state, now, by
    consent.version += 1
    await db.flush()
    await tell(db, household, "household.updated")


async def expire(db: AsyncSession, consent_id: UUID, now: datetime) -> None:
    """Timer: a consent whose time is over no longer opens anything."""
    consent = await locked(db, Consent, consent_id)
    if consent.state == "active" and consent.until_at <= now:
        await _end(db, consent, "expire", None, now)
