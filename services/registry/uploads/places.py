"""An uploaded list of compounds, buildings and entrances: one row per place, or per entrance with all that is above it.

Columns: ``community_code`` (12 digits) or ``parent_area`` (a path, also of a row above); then either ``compound``,
``building``, ``entrance`` as people call them, or ``kind`` and ``name`` of one place, with its ``area`` to be checked.
What is there already stays as it is.
"""

import io
from collections.abc import Iterable
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from services.registry.places.messages import place_state
from services.registry.places.tables import Place
from services.registry.places.use_cases import start_under_measures
from services.registry.uploads.tables import StagedPlace
from services.registry.uploads.tree import BELOW, Node, RowRefused, Tree
from shared.areas import level
from shared.bus.outbox import record_many
from shared.contracts.registry import PLACE
from shared.database import insert_rows, transaction_time
from shared.jobs import Checked, Job, JobKind, Progress, RowError
from shared.tabular import Column, Row, read_table

KIND = "places.upload"
CHUNK = 500
COLUMNS = (
    Column("community_code", ("社区代码", "区划代码"), required=False),
    Column("parent_area", ("上级区域", "上级"), required=False),
    Column("compound", ("小区", "小区名称"), required=False),
    Column("building", ("楼栋", "栋"), required=False),
    Column("entrance", ("单元",), required=False),
    Column("kind", ("类别",), required=False),
    Column("name", ("名称",), required=False),
    Column("area", ("区域",), required=False),
)
KINDS = {"小区": "compound", "楼栋": "building", "单元": "entrance"}


def row_errors(row: Row) -> list[RowError]:
    """What the reader itself saw wrong in a row."""
    return [
        RowError(row.number, one.pointer.split("/")[3] if one.pointer.count("/") > 2 else "", one.code, one.detail)
        for one in row.problems
    ]


def chunks(rows: Iterable[Row]) -> Iterable[list[Row]]:
    """The rows in lists of at most CHUNK."""
    source = iter(rows)
    while chunk := list(islice(source, CHUNK)):
        yield chunk


def plan(tree: Tree, row: Row) -> None:
    """Adds to the tree what the row asks for. Raises RowRefused."""
    values = row.values
    if values["community_code"]:
        parent = tree.by_code(values["community_code"])
    elif values["parent_area"]:
        parent = tree.at(values["parent_area"], "parent_area")
    else:
        raise RowRefused("community_code", "required", "请填写社区代码或上级区域", "Give community_code or parent_area")
    if values["kind"]:
        _one(tree, parent, values)
    else:
        _chain(tree, parent, values)


def _one(tree: Tree, parent: Node, values: dict[str, str]) -> None:
    kind = KINDS.get(values["kind"], values["kind"])
    if BELOW.get(level(parent.area)) != kind:
        raise RowRefused("kind", "wrong_level", "该类地点不能建在此上级之下", "Such a place does not belong there")
    if not values["name"]:
        raise RowRefused("name", "required", "此项必填", "This field is required")
    made = tree.ensure(parent, values["name"], "name")
    if values["area"] and values["area"] != made.area:
        raise RowRefused("area", "other_key", f"该地点的区域为 {made.area}", f"The area of this place is {made.area}")


def _chain(tree: Tree, parent: Node, values: dict[str, str]) -> None:
    names = [(column, values[column]) for column in ("compound", "building", "entrance") if values[column]]
    if not names:
        raise RowRefused("compound", "required", "请填写小区、楼栋或单元", "Give compound, building or entrance")
    for column, name in names:
        if BELOW.get(level(parent.area)) != column:
            raise RowRefused(column, "wrong_level", "缺少上一级", "The level above it is missing")
        parent = tree.ensure(parent, name, column)


async def check(resources: Any, job: Job, content: bytes, progress: Progress) -> Checked:
    """Mints the keys of what is new and stages it."""
    checked = Checked()
    async with resources.db.transaction() as db:
        await discard(db, job.id)
        tree = await Tree.load(db, job.area)
    for chunk in chunks(read_table(io.BytesIO(content), COLUMNS).rows):
        for row in chunk:
            checked.add([*row_errors(row), *_refusal(tree, row)])
        checked.total += len(chunk)
        await progress(checked.total)
    staged = [_staged(job.id, node) for node in tree.new()] if not checked.wrong else []
    async with resources.db.transaction() as db:
        await insert_rows(db, StagedPlace, staged)
    return checked


def _refusal(tree: Tree, row: Row) -> list[RowError]:
    try:
        plan(tree, row)
    except RowRefused as refused:
        return [RowError(row.number, refused.column, refused.code, refused.texts)]
    return []


def _staged(job_id: UUID, node: Node) -> dict[str, Any]:
    return {
        "job_id": job_id, "area": node.area, "place_id": node.id, "parent_id": node.parent_id, "kind": node.kind,
        "name": node.name, "number": node.number,
    }  # fmt: skip


async def apply(db: AsyncSession, resources: Any, job: Job) -> dict[str, int]:
    """Adds what was staged; compounds in an emergency come under its measure."""
    query = select(StagedPlace).where(col(StagedPlace.job_id) == job.id).order_by(col(StagedPlace.area))
    now = transaction_time(db)
    places = [
        Place(
            id=row.place_id,
            area=row.area,
            parent_id=row.parent_id,
            kind=row.kind,
            name=row.name,
            number=row.number,
            created_at=now,
        )
        for row in (await db.execute(query)).scalars()
    ]
    states = await start_under_measures(db, job.created_by, places)
    await insert_rows(db, Place, [place.model_dump() for place in places])
    db.add_all(states)
    for start in range(0, len(places), CHUNK):
        part = places[start : start + CHUNK]
        await record_many(db, PLACE, "place.created", [place_state(place, None) for place in part])
    kinds = [place.kind for place in places]
    return {f"{kind}s": kinds.count(kind) for kind in ("compound", "building", "entrance")}


async def discard(db: AsyncSession, job_id: UUID) -> None:
    """Forgets what was staged."""
    await db.execute(text("DELETE FROM staged_places WHERE job_id = :job"), {"job": job_id})


PLACES_UPLOAD = JobKind(check, apply, discard)
