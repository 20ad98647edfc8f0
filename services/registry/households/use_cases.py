"""Registering, correcting and merging households."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.registry.claims.codes import issue_codes
from services.registry.claims.queries import confirmed_claim
from services.registry.emergencies.queries import emergencies_over
from services.registry.households import domain
from services.registry.households.queries import household_at, thin_states
from services.registry.households.schemas import HouseholdCreate, HouseholdUpdate
from services.registry.households.sealing import Private, blank, opened, seal
from services.registry.households.tables import Household, HouseholdDuplicate
from services.registry.places.queries import place_at
from shared.answers import id_conflict, same_or_conflict
from shared.areas import Level, level, up_to, within
from shared.auth import Principal
from shared.bus.outbox import record
from shared.contracts.registry import HOUSEHOLD
from shared.database import locked, transaction_time
from shared.ids import new_id
from shared.privacy import Vault
from shared.problems import Conflict, Problem, invalid
from shared.web import must_match


async def create_household(db: AsyncSession, who: Principal, body: HouseholdCreate, vault: Vault) -> Household:
    """Registers a home, once per door, and issues its code on paper."""
    who.must("households.create", on=body.area)
    await _must_be_home(db, body.area)
    private = Private(body.floor, body.unit, body.contact_name, body.phone, tuple(sorted(set(body.flags))))
    if body.id and (present := await db.get(Household, body.id)):
        return await _same(vault, present, body, private)
    emergency = (await emergencies_over(db, [body.area])).get(body.area)
    basis = _basis(private, body.flags_consent, emergency is not None)
    now = transaction_time(db)
    household = blank(
        body.id, body.area, who.id, emergency.id if emergency else None,
        size=body.size, notify=body.notify or domain.notify_default(body.phone), created_at=now, flags_basis=basis,
        flags_recorded_by=who.id if basis else None, flags_recorded_at=now if basis else None,
    )  # fmt: skip
    await seal(vault, [household], [private])
    if taken := await household_at(db, household.door_key or b""):
        raise Conflict(
            ("此户已登记。", "A household is registered at this door; use it, or correct the door."),
            code="duplicate",
            household_id=str(taken),
        )
    db.add(household)
    await db.flush()
    await issue_codes(db, vault, [household])
    await note_duplicates(db, household)
    record(db, HOUSEHOLD, "household.created", (await thin_states(db, [household]))[0])
    return household


async def _must_be_home(db: AsyncSession, area: str) -> None:
    if level(area) not in (Level.BUILDING, Level.ENTRANCE) or await place_at(db, area) is None:
        raise invalid(
            "/area", "unknown", "没有此楼栋或单元。", "There is no such building or entrance; check the area path."
        )


def _basis(private: Private, how: str | None, under_emergency: bool) -> str | None:
    """Raises Problem (consent_required) when flags may not be kept."""
    if not private.flags:
        return None
    if (basis := domain.flags_basis(how, under_emergency)) is None:
        raise Problem(
            (
                "登记特殊情况须经本人同意, 请填写 flags_consent。",
                "Vulnerability flags need the person's consent; say in flags_consent how it was given.",
            ),
            code="consent_required",
        )
    return basis


async def _same(vault: Vault, present: Household, body: HouseholdCreate, private: Private) -> Household:
    if (await opened(vault, [present]))[0] != private:
        raise id_conflict()
    return same_or_conflict(present, {"area": body.area, "size": body.size})


async def note_duplicates(db: AsyncSession, household: Household) -> None:
    """Notes households of the same community with the same phone, for a person to look at."""
    community = up_to(household.area, Level.COMMUNITY)
    if household.phone_key is None or community is None:
        return
    query = select(col(Household.id)).where(
        col(Household.phone_key) == household.phone_key,
        col(Household.state) == "active",
        col(Household.id) != household.id,
        within(col(Household.area), [community]),
    )
    for other in (await db.execute(query.limit(20))).scalars():
        first, second = sorted([household.id, other])
        row = {
            "id": new_id(), "version": 1, "area": community, "first_id": first, "second_id": second, "state": "open",
            "created_at": transaction_time(db),
        }  # fmt: skip
        await db.execute(insert(HouseholdDuplicate).values(row).on_conflict_do_nothing())


async def update_household(
    db: AsyncSession, who: Principal, household_id: UUID, body: HouseholdUpdate, version: int, vault: Vault
) -> Household:
    """Corrects size, contact, flags and how the household is told."""
    household = await locked(db, Household, household_id)
    changes = body.model_dump(exclude_unset=True)
    await _must_update(db, who, household)
    before = (await opened(vault, [household]))[0]
    after = Private(
        before.floor,
        before.unit,
        changes.get("contact_name", before.contact_name),
        changes.get("phone", before.phone),
        tuple(sorted(set(changes["flags"] or ()))) if "flags" in changes else before.flags,
    )
    plain: dict[str, Any] = {name: changes[name] for name in ("size", "notify") if name in changes}
    if after == before and all(getattr(household, name) == value for name, value in plain.items()):
        return household
    must_match(household.version, version)
    if plain.get("notify", "") is None:
        raise invalid("/notify", "required", "通知方式不能为空。", "notify cannot be empty.")
    await _refill(db, who, household, before, after, body.flags_consent, vault)
    household.sqlmodel_update(plain)
    await tell(db, household, "household.updated")
    await note_duplicates(db, household)
    return household


async def _must_update(db: AsyncSession, who: Principal, household: Household) -> None:
    """Staff of the area may; the household's own people (who see it because their claim is confirmed) may too."""
    if await confirmed_claim(db, household.id, who.id) is None:
        who.must("households.update", on=household.area)


async def _refill(
    db: AsyncSession,
    who: Principal,
    household: Household,
    before: Private,
    after: Private,
    how: str | None,
    vault: Vault,
) -> None:
    if after.flags != before.flags:
        emergency = (await emergencies_over(db, [household.area])).get(household.area)
        household.flags_basis = _basis(after, how, emergency is not None)
        household.flags_emergency_id = emergency.id if emergency else None
        household.flags_recorded_by, household.flags_recorded_at = who.id, transaction_time(db)
    await seal(vault, [household], [after])


async def tell(db: AsyncSession, household: Household, event_type: str) -> None:
    """Raises the version under the household's lock and tells its whole thin state."""
    household.version += 1
    await db.flush()
    record(db, HOUSEHOLD, event_type, (await thin_states(db, [household]))[0])
