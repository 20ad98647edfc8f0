"""Claiming a household, and confirming or refusing such a claim."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.registry.claims import domain
from services.registry.claims.codes import try_code
from services.registry.claims.queries import open_claim
from services.registry.claims.schemas import HouseholdClaimCreate
from services.registry.claims.tables import HouseholdClaim
from services.registry.emergencies.queries import emergencies_over
from services.registry.households import domain as doors
from services.registry.households.queries import area_of, household_at, thin_states
from services.registry.households.tables import Household
from services.registry.households.use_cases import tell
from services.registry.policies.queries import household_values
from shared.answers import same_or_conflict
from shared.areas import covers
from shared.auth import Principal
from shared.bus.outbox import record
from shared.contracts.registry import HOUSEHOLD
from shared.database import locked, transaction_time
from shared.ids import new_id
from shared.privacy import Vault
from shared.problems import Conflict, Forbidden, invalid
from shared.web import Transition


async def create_claim(db: AsyncSession, who: Principal, body: HouseholdClaimCreate, vault: Vault) -> HouseholdClaim:
    """Claims a household for the caller; a right code confirms it at once, a claim that waits is taken up again."""
    if who.kind != "person":
        raise Forbidden(("只有本人可以认领。", "Only a person can live in a household; sign in as one."))
    household_id, area = await _household(db, body, vault)
    if body.id and (present := await db.get(HouseholdClaim, body.id)):
        return same_or_conflict(present, {"household_id": household_id, "person_id": who.id})
    claim = await open_claim(db, household_id, who.id)
    if claim is None:
        emergency = (await emergencies_over(db, [area])).get(area)
        claim = HouseholdClaim(
            id=body.id or new_id(),
            area=area,
            household_id=household_id,
            person_id=who.id,
            emergency_id=emergency.id if emergency else None,
            created_at=transaction_time(db),
        )
        db.add(claim)
    elif body.code is None or claim.state == "confirmed":
        raise Conflict(("您已认领此户。", "You have claimed this household already; read household-claims."))
    else:
        claim.version += 1
    if body.code is not None:
        await _present_code(db, who, claim, body.code, vault)
    await db.flush()
    return claim


async def _household(db: AsyncSession, body: HouseholdClaimCreate, vault: Vault) -> tuple[UUID, str]:
    if body.household_id is None:
        if body.area is None or body.unit is None:
            raise invalid("/unit", "required", "请填写楼栋单元和室号。", "Give area and unit, or household_id.")
        found = await household_at(db, vault.lookup(doors.door_text(body.area, body.unit), "door"))
    else:
        found = body.household_id
    area = await area_of(db, found) if found else None
    if found is None or area is None:
        pointer = "/household_id" if body.household_id else "/unit"
        raise invalid(
            pointer, "unknown", "没有登记此户, 请联系楼栋长或社区。",
            "No household is registered there; ask the building head or the community.",
        )  # fmt: skip
    return found, area


async def _present_code(db: AsyncSession, who: Principal, claim: HouseholdClaim, code: str, vault: Vault) -> None:
    limits = await household_values(db, claim.area)
    claim.code_result = await try_code(db, vault, claim.household_id, who.id, code, limits)
    if claim.code_result == "accepted":
        claim.state, claim.confirmed_how = domain.CLAIM.step(claim.state, "confirm"), "code"
        claim.decided_by, claim.decided_at = who.id, transaction_time(db)
        await db.flush()  # from here on row-level security shows the household to its claimant
        await tell(db, await locked(db, Household, claim.household_id), "household.updated")


async def confirm_claim(db: AsyncSession, who: Principal, claim_id: UUID) -> HouseholdClaim:
    """A neighbor in charge knows them."""
    claim = await locked(db, HouseholdClaim, claim_id)
    who.must("household_claims.confirm", on=claim.area)
    if claim.person_id == who.id:
        raise Forbidden(("不能确认自己的认领。", "Nobody confirms their own claim; ask the building head or a worker."))
    if (state := domain.CLAIM.step(claim.state, "confirm")) == claim.state:
        return claim
    roles = {grant.role for grant in who.grants if grant.area is not None and covers(grant.area, claim.area)}
    claim.state, claim.confirmed_how = state, domain.confirmed_how(roles)
    claim.decided_by, claim.decided_at = who.id, transaction_time(db)
    claim.version += 1
    await db.flush()
    await tell(db, await locked(db, Household, claim.household_id), "household.updated")
    return claim


async def refuse_claim(db: AsyncSession, who: Principal, claim_id: UUID, body: Transition) -> HouseholdClaim:
    """They do not live there, or no longer; a claimant may take the own claim back."""
    claim = await locked(db, HouseholdClaim, claim_id)
    if claim.person_id != who.id:
        who.must("household_claims.refuse", on=claim.area)
    before = claim.state
    if (state := domain.CLAIM.step(before, "refuse")) == before:
        return claim
    if before == "confirmed":
        await _take_away(db, await locked(db, Household, claim.household_id), claim)
    claim.state, claim.confirmed_how = state, None
    claim.reason, claim.decided_by, claim.decided_at = body.reason_code or body.note, who.id, transaction_time(db)
    claim.version += 1
    return claim


async def _take_away(db: AsyncSession, household: Household, claim: HouseholdClaim) -> None:
    """Tells the household without the claim. It goes first: a claimant who gives up sees the household no longer."""
    household.version += 1
    await db.flush()
    state = (await thin_states(db, [household]))[0]
    left = [one for one in state.claims if one.person_id != claim.person_id]
    record(db, HOUSEHOLD, "household.updated", state.model_copy(update={"claims": left}))
