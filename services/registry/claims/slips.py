"""Claim codes on paper: one slip per door, for the building head to hand out."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.registry.access import log_access
from services.registry.claims.codes import open_codes
from services.registry.claims.tables import ClaimCode
from services.registry.households.schemas import SlipsWanted
from services.registry.households.sealing import opened
from services.registry.households.tables import Household
from services.registry.places.tables import Place
from shared.areas import Level, up_to, within
from shared.auth import Principal
from shared.paper import ListColumn, table_pdf
from shared.privacy import Vault
from shared.problems import Conflict
from shared.tabular import write_csv

LIMIT = 5_000
HEADER = ("household_id", "area", "compound", "building", "entrance", "unit", "code")
_PAPER = (
    ListColumn("小区", 3),
    ListColumn("楼栋", 2),
    ListColumn("单元", 2),
    ListColumn("室号", 2),
    ListColumn("认领码", 3),
)


@dataclass(frozen=True)
class Slip:
    """One door and its code."""

    household_id: UUID
    area: str
    names: tuple[str, str, str]
    unit: str
    code: str


async def print_slips(db: AsyncSession, who: Principal, body: SlipsWanted, vault: Vault) -> tuple[bytes, str]:
    """(file, media type) with the codes of an area, in the order of its doors; logged. Raises Conflict
    (limit_reached) for an area of more than LIMIT households."""
    who.must("households.export", on=body.area)
    query = (
        select(Household, ClaimCode)
        .join(ClaimCode, col(ClaimCode.household_id) == col(Household.id))
        .where(within(col(Household.area), [body.area]), col(Household.state) == "active")
        .order_by(col(Household.area), col(Household.id))
        .limit(LIMIT + 1)
    )
    found = (await db.execute(query)).all()
    if len(found) > LIMIT:
        raise Conflict(
            (f"一次最多 {LIMIT} 户, 请选择较小区域。", f"At most {LIMIT} households at once; choose a smaller area."),
            code="limit_reached",
            max=LIMIT,
        )
    households, codes = [row[0] for row in found], [row[1] for row in found]
    ids = [household.id for household in households]
    await log_access(db, who, "households.export", body.purpose, ids, ["door", "claim_code"], area=body.area)
    slips = await _slips(db, vault, households, codes)
    return (_pdf(slips), "application/pdf") if body.format == "pdf" else (_csv(slips), "text/csv; charset=utf-8")


async def _slips(
    db: AsyncSession, vault: Vault, households: Sequence[Household], codes: Sequence[ClaimCode]
) -> list[Slip]:
    doors = await opened(vault, households)
    plain = await open_codes(vault, codes)
    names = await _names(db, {household.area for household in households})
    slips = [
        Slip(household.id, household.area, names[household.area], door.unit, code)
        for household, door, code in zip(households, doors, plain, strict=True)
    ]
    return sorted(slips, key=lambda slip: (slip.area, len(slip.unit), slip.unit))


async def _names(db: AsyncSession, areas: set[str]) -> dict[str, tuple[str, str, str]]:
    """What people call compound, building and entrance of each home."""
    levels = (Level.COMPOUND, Level.BUILDING, Level.ENTRANCE)
    paths = {path for area in areas for one in levels if (path := up_to(area, one))}
    query = select(col(Place.area), col(Place.name)).where(col(Place.area).in_(paths))
    called = {row.area: row.name for row in (await db.execute(query)).all()}
    return {
        area: (
            called.get(up_to(area, Level.COMPOUND) or "", ""),
            called.get(up_to(area, Level.BUILDING) or "", ""),
            called.get(up_to(area, Level.ENTRANCE) or "", ""),
        )
        for area in areas
    }


def _pdf(slips: Sequence[Slip]) -> bytes:
    return table_pdf("住户认领码", _PAPER, [[*slip.names, slip.unit, slip.code] for slip in slips])


def _csv(slips: Sequence[Slip]) -> bytes:
    target = io.BytesIO()
    rows = [[str(slip.household_id), slip.area, *slip.names, slip.unit, slip.code] for slip in slips]
    write_csv(target, HEADER, rows)
    return target.getvalue()
