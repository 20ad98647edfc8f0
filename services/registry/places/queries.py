"""Reading places: by official code, by area, for lists and snapshots."""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.registry.batches import batches
from services.registry.checks import among, checked
from services.registry.places.domain import Kind, State
from services.registry.places.messages import place_state
from services.registry.places.schemas import PlacePublic
from services.registry.places.tables import Place, PlaceCode, PlaceState
from shared.areas import within
from shared.contracts.base import Contract
from shared.identifiers import check_region_code
from shared.problems import invalid


async def place_by_code(db: AsyncSession, code: str, pointer: str) -> Place:
    """The place that an official code names today. Raises Invalid at ``pointer``: malformed, unknown or abolished."""
    wanted = checked(pointer, check_region_code, code).code
    query = (
        select(Place, PlaceCode)
        .join(PlaceCode, col(PlaceCode.place_id) == col(Place.id))
        .where(col(PlaceCode.code) == wanted)
        .order_by(col(PlaceCode.valid_until).desc().nulls_first())
        .limit(1)
    )
    found = (await db.execute(query)).one_or_none()
    if found is None:
        raise invalid(
            pointer, "unknown_code", "区划代码不存在, 请核对。", "There is no such division code; check the 12 digits."
        )
    place, row = found
    if row.valid_until is not None:
        raise abolished_code(pointer, row)
    return place


def abolished_code(pointer: str, row: PlaceCode) -> Exception:
    """A 422 that says since when the code is gone and which took its place."""
    by = row.replaced_by
    return invalid(
        pointer,
        "abolished_code",
        "区划代码已撤销" + (f", 请改用 {by}。" if by else ", 请改用现行代码。"),
        "This division code was abolished; use " + (f"{by}." if by else "the present one."),
        abolished_on=str(row.valid_until),
        replaced_by=by,
    )


async def place_at(db: AsyncSession, area: str) -> Place | None:
    """The place whose path is ``area``, unless it was abolished."""
    query = select(Place).where(col(Place.area) == area, col(Place.abolished_on).is_(None))
    return (await db.execute(query)).scalar_one_or_none()


async def codes_of(db: AsyncSession, place_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The present code of each place, or the last one that it had."""
    query = (
        select(col(PlaceCode.place_id), col(PlaceCode.code))
        .where(among(col(PlaceCode.place_id), place_ids))
        .order_by(col(PlaceCode.valid_until).nulls_last())
    )
    return {row.place_id: row.code for row in (await db.execute(query)).all()}


async def shown(db: AsyncSession, places: Sequence[Place]) -> list[PlacePublic]:
    """The places with their codes."""
    codes = await codes_of(db, [place.id for place in places])
    return [PlacePublic(**place.model_dump(), code=codes.get(place.id)) for place in places]


def listing(
    area: Sequence[str], parent_id: Sequence[UUID], kind: Sequence[Kind], state: Sequence[State], code: str | None
) -> Select[Any]:
    """Places by filters; abolished ones only by their code."""
    query = select(Place)
    if code is None:
        query = query.where(col(Place.abolished_on).is_(None))
    else:
        query = query.join(PlaceCode, col(PlaceCode.place_id) == col(Place.id)).where(col(PlaceCode.code) == code)
    if area:
        query = query.where(within(col(Place.area), area))
    if parent_id:
        query = query.where(among(col(Place.parent_id), parent_id))
    if kind:
        query = query.where(col(Place.kind).in_(kind))
    if state:
        query = query.where(col(Place.state).in_(state))
    return query


def states_listing(area: Sequence[str], place_id: Sequence[UUID], in_force: bool | None) -> Select[Any]:
    """Declared states by place; ``in_force``: only those that count (or do not) at present."""
    query = select(PlaceState)
    if area:
        query = query.where(within(col(PlaceState.area), area))
    if place_id:
        query = query.where(among(col(PlaceState.place_id), place_id))
    if in_force is not None:
        counts = select(col(Place.id)).where(col(Place.state_id) == col(PlaceState.id)).exists()
        query = query.where(counts if in_force else ~counts)
    return query


async def snapshots(db: AsyncSession) -> AsyncIterator[Contract]:
    """The thin state of every place."""
    async for places in batches(db, Place):
        codes = await codes_of(db, [place.id for place in places])
        for place in places:
            yield place_state(place, codes.get(place.id))
