"""Proposing, endorsing, accepting, declining, suspending, ending."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.registry.agreements import domain
from services.registry.agreements.messages import agreement_state
from services.registry.agreements.schemas import AgreementCreate
from services.registry.agreements.tables import Agreement
from services.registry.organizations.tables import Organization
from services.registry.places.queries import place_at
from shared.answers import same_or_conflict
from shared.areas import Level, level, outermost
from shared.auth import Principal
from shared.bus.outbox import record
from shared.clock import shanghai_date, shanghai_day
from shared.contracts.registry import AGREEMENT
from shared.database import locked, transaction_time, unknown_reference
from shared.ids import new_id
from shared.problems import invalid
from shared.timers import schedule
from shared.web import Transition

EXPIRE = "agreement.expire"
"""Timer: the last day of an agreement is over; ``ref`` is its id."""


async def propose_agreement(db: AsyncSession, who: Principal, body: AgreementCreate) -> Agreement:
    """Proposes; nothing is open yet."""
    who.must("agreements.create", on=body.community_area, organization=body.organization_id)
    await _must_be_sound(db, body)
    areas = outermost(body.areas or [body.community_area])
    if body.id and (present := await db.get(Agreement, body.id)):
        wanted = body.model_dump(include={"organization_id", "purposes", "starts_on", "ends_on", "capacity"})
        return same_or_conflict(present, wanted | {"area": body.community_area, "areas": areas})
    agreement = Agreement(
        **body.model_dump(exclude={"id", "community_area", "areas"}),
        id=body.id or new_id(),
        area=body.community_area,
        areas=areas,
        proposed_by=who.id,
        created_at=transaction_time(db),
    )
    db.add(agreement)
    await db.flush()
    await schedule(db, EXPIRE, agreement.id, shanghai_day(agreement.ends_on)[1])
    record(db, AGREEMENT, "agreement.created", agreement_state(agreement))
    return agreement


async def _must_be_sound(db: AsyncSession, body: AgreementCreate) -> None:
    if level(body.community_area) is not Level.COMMUNITY or await place_at(db, body.community_area) is None:
        raise invalid("/community_area", "unknown", "没有此社区。", "There is no such community; check the area path.")
    if wrong := domain.outside(body.areas, body.community_area):
        raise invalid(
            f"/areas/{wrong[0]}", "outside_community", "不在该社区之内。", "It does not lie in the community."
        )
    if body.ends_on < max(body.starts_on, shanghai_date(transaction_time(db))):
        raise invalid(
            "/ends_on", "too_early", "结束日期过早。", "It must end on or after its first day, and not in the past."
        )
    organization = await db.get(Organization, body.organization_id)
    if organization is None or organization.state != "active":
        raise unknown_reference(body.organization_id, "/organization_id")


async def endorse_agreement(db: AsyncSession, who: Principal, agreement_id: UUID) -> Agreement:
    agreement = await locked(db, Agreement, agreement_id)
    who.must("agreements.endorse", on=agreement.area)
    _tell(db, agreement, domain.endorse(agreement, by=who.id, now=transaction_time(db)))
    return agreement


async def accept_agreement(db: AsyncSession, who: Principal, agreement_id: UUID) -> Agreement:
    """The community's own act: the right is exact, so no street role can do it."""
    agreement = await locked(db, Agreement, agreement_id)
    who.must("agreements.accept", on=agreement.area)
    _tell(db, agreement, domain.accept(agreement, by=who.id, now=transaction_time(db)))
    return agreement


async def decide_agreement(
    db: AsyncSession, who: Principal, agreement_id: UUID, action: str, body: Transition
) -> Agreement:
    """Decline, suspend, resume (the community's own acts), or end (by the community or the organization)."""
    agreement = await locked(db, Agreement, agreement_id)
    organization = agreement.organization_id if action == "end" else None
    who.must(f"agreements.{action}", on=agreement.area, organization=organization)
    reason = body.reason_code or body.note
    _tell(db, agreement, domain.decide(agreement, action, who.id, reason, transaction_time(db)))
    return agreement


async def expire(db: AsyncSession, agreement_id: UUID, now: datetime) -> None:
    """Timer: what was never accepted is declined, what was active ends."""
    agreement = await locked(db, Agreement, agreement_id)
    if domain.AGREEMENT.is_final(agreement.state):
        return
    action = "decline" if agreement.state == "proposed" else "end"
    _tell(db, agreement, domain.decide(agreement, action, agreement.proposed_by, "until_reached", now))


def _tell(db: AsyncSession, agreement: Agreement, happened: str | None) -> None:
    if happened:
        agreement.version += 1
        record(db, AGREEMENT, happened, agreement_state(agreement))
