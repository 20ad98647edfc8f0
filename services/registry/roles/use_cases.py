"""Giving and ending roles."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.registry.organizations.tables import Organization
from services.registry.places.queries import place_at
from services.registry.roles import domain
from services.registry.roles.messages import role_state
from services.registry.roles.schemas import RoleCreate
from services.registry.roles.tables import Role
from shared.answers import same_or_conflict
from shared.areas import covers
from shared.auth import Principal
from shared.bus.outbox import record
from shared.contracts.registry import ROLE
from shared.database import locked, transaction_time, unknown_reference
from shared.ids import new_id
from shared.problems import Forbidden, invalid
from shared.timers import schedule
from shared.web import Transition

EXPIRE = "role.expire"
"""Timer: a role's time is over; ``ref`` is its id."""


async def create_role(db: AsyncSession, who: Principal, body: RoleCreate) -> Role:
    """Gives a role. Raises Forbidden for one that the caller's roles may not give there, or to themselves."""
    within = await _where(db, body)
    _must_grant(who, body.role, within, body.person_id)
    if not (await db.execute(text("SELECT registry_person_exists(:id)"), {"id": body.person_id})).scalar_one():
        raise unknown_reference(body.person_id, "/person_id")
    if body.id and (present := await db.get(Role, body.id)):
        wanted = body.model_dump(include={"person_id", "role", "area", "organization_id"})
        return same_or_conflict(present, wanted)
    now = transaction_time(db)
    from_at = body.from_at or now
    if body.until_at is not None and body.until_at <= max(from_at, now):
        raise invalid(
            "/until_at", "too_early", "结束时间须晚于开始时间。", "It must end after it begins, and after now."
        )
    role = Role(
        **body.model_dump(exclude={"id", "from_at"}),
        id=body.id or new_id(),
        from_at=from_at,
        granted_by=who.id,
        created_at=now,
    )
    db.add(role)
    await db.flush()
    if role.until_at is not None:
        await schedule(db, EXPIRE, role.id, role.until_at)
    record(db, ROLE, "role.created", role_state(role))
    return role


async def _where(db: AsyncSession, body: RoleCreate) -> str:
    """The area in which the caller must have authority: the role's, or where the organization is at home."""
    if body.role in domain.ORGANIZATION_ROLES:
        if body.organization_id is None or body.area is not None:
            raise invalid("/organization_id", "required", "该角色须绑定组织。", "This role belongs to an organization.")
        organization = await db.get(Organization, body.organization_id)
        if organization is None or organization.state != "active":
            raise unknown_reference(body.organization_id, "/organization_id")
        return organization.area
    if body.area is None or body.organization_id is not None:
        raise invalid("/area", "required", "该角色须绑定区域。", "This role belongs to an area.")
    if await place_at(db, body.area) is None:
        raise invalid("/area", "unknown", "没有此地点。", "There is no such place; check the area path.")
    return body.area


def _must_grant(who: Principal, role: str, area: str, person_id: UUID) -> None:
    if who.kind == "service":
        return
    if person_id == who.id:
        raise Forbidden(("不能给自己授予角色。", "Nobody gives a role to themselves; ask somebody else who may."))
    grants = [g for g in who.grants if g.area is not None and covers(g.area, area) and domain.may_grant(g.role, role)]
    if not grants or not who.may("roles.create", on=area):
        who_may = ", ".join(sorted(domain.grantors(role)))
        raise Forbidden(
            (
                f"您不能授予或结束此角色; 可由 {who_may} 办理。",
                f"You may not give or end this role here; {who_may} may.",
            )
        )


async def end_role(db: AsyncSession, who: Principal, role_id: UUID, body: Transition) -> Role:
    """Takes a role back; its holder may also lay it down."""
    role = await locked(db, Role, role_id)
    if role.person_id != who.id:
        _must_grant(who, role.role, await _home(db, role), role.person_id)
    if domain.ROLE.step(role.state, "end") != role.state:
        _end(db, role, who.id, body.reason_code or body.note, transaction_time(db))
    return role


async def _home(db: AsyncSession, role: Role) -> str:
    if role.area is not None:
        return role.area
    organization = await db.get(Organization, role.organization_id)
    return organization.area if organization else "-"


def _end(db: AsyncSession, role: Role, by: UUID, reason: str | None, now: datetime) -> None:
    role.state, role.ended_at, role.ended_by, role.reason = "ended", now, by, reason
    role.version += 1
    record(db, ROLE, "role.ended", role_state(role))


async def expire(db: AsyncSession, role_id: UUID, now: datetime) -> None:
    """Timer: ends a role whose time is over."""
    role = await locked(db, Role, role_id)
    if role.state == "active" and domain.is_over(role.until_at, now):
        _end(db, role, role.granted_by, "until_reached", now)


async def same_role(db: AsyncSession, body: RoleCreate) -> Role | None:
    """The active role that ``body`` asks for, if it was given already."""
    query = select(Role).where(
        col(Role.person_id) == body.person_id,
        col(Role.role) == body.role,
        col(Role.area).is_not_distinct_from(body.area),
        col(Role.organization_id).is_not_distinct_from(body.organization_id),
        col(Role.state) == "active",
    )
    return (await db.execute(query)).scalar_one_or_none()
