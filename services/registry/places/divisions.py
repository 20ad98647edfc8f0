"""The official list of Wuhan: 1 city, 13 districts, 193 street-level bodies, 3,495 communities and villages."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.registry.places import domain
from services.registry.places.messages import place_state
from services.registry.places.queries import codes_of
from services.registry.places.tables import Place, PlaceCode
from shared.bus.outbox import record_many
from shared.contracts.registry import PLACE
from shared.database import insert_rows, transaction_time
from shared.identifiers import RegionCode, check_region_code
from shared.ids import new_id


@dataclass(frozen=True)
class Division:
    """One line of the list."""

    code: RegionCode
    name: str


@dataclass(frozen=True)
class Imported:
    """What an import did."""

    created: int
    renamed: int
    unchanged: int


def read_list() -> list[Division]:
    """The list that comes with the service, upper levels first. Raises BadIdentifier for a malformed code."""
    text = files("services.registry.places").joinpath("wuhan_divisions.csv").read_text(encoding="utf-8-sig")
    divisions = [Division(check_region_code(row["code"]), row["name"]) for row in csv.DictReader(text.splitlines())]
    return sorted(divisions, key=lambda one: (len(one.code.parts), one.code.code))


async def import_divisions(db: AsyncSession, divisions: Iterable[Division]) -> Imported:
    """Adds what is new, renames what is called otherwise; a second run changes nothing."""
    divisions = list(divisions)
    present = {
        code: place
        for place, code in (
            await db.execute(
                select(Place, col(PlaceCode.code))
                .join(PlaceCode, col(PlaceCode.place_id) == col(Place.id))
                .where(col(PlaceCode.valid_until).is_(None))
            )
        ).all()
    }
    created = await _create(db, [one for one in divisions if one.code.code not in present], present)
    renamed = [
        place for one in divisions if (place := present.get(one.code.code)) is not None and place.name != one.name
    ]
    await _rename(db, {one.code.code: one.name for one in divisions}, renamed)
    return Imported(created, len(renamed), len(divisions) - created - len(renamed))


async def _create(db: AsyncSession, divisions: Sequence[Division], present: dict[str, Place]) -> int:
    taken = set((await db.execute(select(col(Place.area)))).scalars())
    known: dict[str, tuple[UUID, str]] = {code: (place.id, place.area) for code, place in present.items()}
    rows: list[dict[str, Any]] = []
    for one in divisions:
        above = known.get(one.code.parent.code) if one.code.parent else None
        path = one.code.area if above is None else f"{above[1]}.{one.code.parts[-1]}"
        area = domain.successor(path, taken)
        taken.add(area)
        row = _row(one, area, above[0] if above else None, db)
        known[one.code.code] = (row["id"], area)
        rows.append(row)
    codes = [{"code": one.code.code, "place_id": row["id"]} for one, row in zip(divisions, rows, strict=True)]
    await insert_rows(db, Place, rows)
    await insert_rows(db, PlaceCode, codes)
    events = [place_state(Place(**row), code["code"]) for row, code in zip(rows, codes, strict=True)]
    await record_many(db, PLACE, "place.created", events)
    return len(rows)


def _row(one: Division, area: str, parent_id: UUID | None, db: AsyncSession) -> dict[str, Any]:
    return {
        "id": new_id(),
        "version": 1,
        "area": area,
        "parent_id": parent_id,
        "kind": domain.kind_of(one.code, one.name),
        "name": one.name,
        "state": "open",
        "created_at": transaction_time(db),
    }


async def _rename(db: AsyncSession, names: dict[str, str], places: Sequence[Place]) -> None:
    codes = await codes_of(db, [place.id for place in places])
    for place in places:
        place.name = names[codes[place.id]]
        place.version += 1
    await db.flush()
    await record_many(db, PLACE, "place.updated", [place_state(place, codes[place.id]) for place in places])
