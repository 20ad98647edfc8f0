"""Registering, correcting and closing organizations."""

from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.registry.organizations import domain
from services.registry.organizations.messages import organization_state
from services.registry.organizations.schemas import OrganizationCreate, OrganizationUpdate
from services.registry.organizations.tables import Organization
from services.registry.places.queries import place_at, place_by_code
from shared.answers import same_or_conflict
from shared.auth import Principal
from shared.bus.outbox import record
from shared.contracts.registry import ORGANIZATION
from shared.database import locked, transaction_time
from shared.ids import new_id
from shared.problems import Conflict, invalid
from shared.web import Transition, must_match


async def create_organization(db: AsyncSession, who: Principal, body: OrganizationCreate) -> Organization:
    """Registers an organization, once per USCC or filing number."""
    area = await _home(db, body)
    who.must("organizations.create", on=area)
    _must_fit(body.kind, body.uscc, body.filing_no)
    if body.id and (present := await db.get(Organization, body.id)):
        wanted = body.model_dump(include={"kind", "name", "short_name", "uscc", "filing_no"})
        return same_or_conflict(present, wanted | {"area": area})
    await _must_be_free(db, body.uscc, body.filing_no)
    organization = Organization(
        **body.model_dump(exclude={"id", "area", "region_code"}),
        id=body.id or new_id(),
        area=area,
        created_by=who.id,
        created_at=transaction_time(db),
    )
    db.add(organization)
    record(db, ORGANIZATION, "organization.created", organization_state(organization))
    return organization


async def _home(db: AsyncSession, body: OrganizationCreate) -> str:
    if (body.area is None) == (body.region_code is None):
        raise invalid("/area", "one_of", "请给出 area 或 region_code 之一。", "Give either area or region_code.")
    if body.region_code is not None:
        return (await place_by_code(db, body.region_code, "/region_code")).area
    if body.area is None or await place_at(db, body.area) is None:
        raise invalid("/area", "unknown", "没有此地点。", "There is no such place; check the area path.")
    return body.area


def _must_fit(kind: str, uscc: str | None, filing_no: str | None) -> None:
    if (wrong := domain.wrong_identifier(kind, uscc, filing_no)) is None:
        return
    field, code = wrong
    texts = {
        "required": ("此类组织须填写该编号。", "An organization of this kind needs this identifier."),
        "not_for_this_kind": ("此类组织没有该编号。", "An organization of this kind has no such identifier."),
    }
    raise invalid(f"/{field}", code, *texts[code])


async def _must_be_free(db: AsyncSession, uscc: str | None, filing_no: str | None, but: UUID | None = None) -> None:
    wanted = [col(Organization.uscc) == uscc] if uscc else []
    wanted += [col(Organization.filing_no) == filing_no] if filing_no else []
    if not wanted:
        return
    query = select(col(Organization.id)).where(
        or_(*wanted), col(Organization.state) == "active", col(Organization.id) != but
    )
    if (await db.execute(query.limit(1))).scalar_one_or_none():
        raise Conflict(
            (
                "该编号的组织已登记, 请先查找。",
                "An organization with this identifier is registered; find it in the list.",
            ),
            code="duplicate",
        )


async def update_organization(
    db: AsyncSession, who: Principal, organization_id: UUID, body: OrganizationUpdate, version: int
) -> Organization:
    """Corrects names and identifiers; kind and home stay."""
    organization = await locked(db, Organization, organization_id)
    who.must("organizations.update", on=organization.area, organization=organization.id)
    wanted = body.model_dump(exclude_unset=True).items()
    changes = {field: value for field, value in wanted if getattr(organization, field) != value}
    if not changes:
        return organization
    must_match(organization.version, version)
    if changes.get("name", "") is None:
        raise invalid("/name", "required", "名称不能为空。", "An organization needs a name.")
    uscc, filing_no = (changes.get(field, getattr(organization, field)) for field in ("uscc", "filing_no"))
    _must_fit(organization.kind, uscc, filing_no)
    await _must_be_free(db, uscc, filing_no, organization.id)
    organization.sqlmodel_update(changes)
    organization.version += 1
    record(db, ORGANIZATION, "organization.updated", organization_state(organization))
    return organization


async def close_organization(db: AsyncSession, who: Principal, organization_id: UUID, body: Transition) -> Organization:
    """It no longer exists, or no longer takes part."""
    organization = await locked(db, Organization, organization_id)
    who.must("organizations.close", on=organization.area)
    if (state := domain.ORGANIZATION.step(organization.state, "close")) == organization.state:
        return organization
    organization.state, organization.closed_at = state, transaction_time(db)
    organization.reason = body.reason_code or body.note
    organization.version += 1
    record(db, ORGANIZATION, "organization.closed", organization_state(organization))
    return organization
