"""One function per verb on places; the only writers."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.registry.checks import among, checked
from services.registry.emergencies.queries import measure_over
from services.registry.places import domain
from services.registry.places.messages import place_state
from services.registry.places.queries import codes_of, place_by_code
from services.registry.places.schemas import PlaceAbolish, PlaceCreate, PlaceUpdate
from services.registry.places.tables import Place, PlaceCode, PlaceState
from shared.answers import same_or_conflict
from shared.areas import LEVELS, Level, level
from shared.auth import Principal
from shared.bus.outbox import record, record_many
from shared.clock import shanghai_date
from shared.contracts.registry import PLACE
from shared.database import locked, transaction_time
from shared.identifiers import RegionCode, check_region_code
from shared.ids import new_id
from shared.problems import Conflict, TransitionNotAllowed, invalid
from shared.web import must_match


async def create_place(db: AsyncSession, who: Principal, body: PlaceCreate) -> Place:
    """A new place below its parent, with a key of its own."""
    parent = await _parent(db, body)
    if body.id and (present := await db.get(Place, body.id)):
        return same_or_conflict(present, {"parent_id": parent.id, "kind": body.kind, "name": body.name})
    depth = domain.LEVELS[body.kind]
    if LEVELS.index(depth) != LEVELS.index(level(parent.area)) + 1:
        raise invalid(
            "/kind", "wrong_level", "该类地点不能建在此上级之下。", "A place of this kind does not belong there."
        )
    official = depth in domain.OFFICIAL
    who.must("places.create_official" if official else "places.create", on=parent.area)
    code = await _new_code(db, parent, depth, body.code)
    siblings = await _siblings(db, parent.id)
    if any(one.name == body.name and one.abolished_on is None for one in siblings):
        raise Conflict(("同名地点已存在。", "A place of this name is there already; use it."), code="duplicate")
    number, area = _key(parent, depth, body, code, siblings)
    place = Place(
        id=body.id or new_id(),
        area=area,
        parent_id=parent.id,
        kind=body.kind,
        name=body.name,
        number=number,
        std_address_code=body.std_address_code,
        created_at=transaction_time(db),
    )
    db.add(place)
    await db.flush()
    if code is not None:
        today = shanghai_date(transaction_time(db))
        db.add(PlaceCode(code=code.code, place_id=place.id, valid_from=today))
    db.add_all(await start_under_measures(db, who.id, [place]))
    record(db, PLACE, "place.created", place_state(place, code.code if code else None))
    return place


async def _parent(db: AsyncSession, body: PlaceCreate) -> Place:
    """The parent under lock, so that no two children get one key."""
    if (body.parent_id is None) == (body.parent_code is None):
        raise invalid(
            "/parent_id", "one_of", "请给出 parent_id 或 parent_code 之一。", "Give parent_id or parent_code."
        )
    parent_id = body.parent_id or (await place_by_code(db, body.parent_code or "", "/parent_code")).id
    query = select(Place).where(col(Place.id) == parent_id).with_for_update()
    parent = (await db.execute(query)).scalar_one_or_none()
    if parent is None or parent.abolished_on is not None:
        raise invalid("/parent_id", "unknown", "上级地点不存在或已撤销。", "The parent is not known, or was abolished.")
    return parent


async def _new_code(db: AsyncSession, parent: Place, depth: Level, text: str | None) -> RegionCode | None:
    """The code of a new official place: well-formed, below the parent's, and not in use."""
    if depth not in domain.OFFICIAL:
        if text is not None:
            raise invalid(
                "/code", "not_official", "此类地点没有区划代码。", "Places of this kind have no official code."
            )
        return None
    if text is None:
        raise invalid("/code", "required", "请填写12位区划代码。", "Give the 12-digit division code.")
    code: RegionCode = checked("/code", check_region_code, text)
    above = (await codes_of(db, [parent.id])).get(parent.id)
    if code.parent is None or code.parent.code != above or code.level is not depth:
        raise invalid(
            "/code", "not_below_parent", "代码不属于该上级。", "The code does not lie below the parent's code."
        )
    query = select(PlaceCode).where(col(PlaceCode.code) == code.code, col(PlaceCode.valid_until).is_(None))
    if (await db.execute(query)).scalar_one_or_none():
        raise Conflict(("该代码已在使用。", "This code names another place already."), code="duplicate")
    return code


async def _siblings(db: AsyncSession, parent_id: UUID) -> Sequence[Place]:
    return (await db.execute(select(Place).where(col(Place.parent_id) == parent_id))).scalars().all()


def _key(
    parent: Place, depth: Level, body: PlaceCreate, code: RegionCode | None, siblings: Sequence[Place]
) -> tuple[int | None, str]:
    """The number by which people call it, and its area path."""
    if code is not None:
        area = f"{parent.area}.{code.parts[-1]}"
        return None, domain.successor(area, {one.area for one in siblings})
    taken = {one.number for one in siblings if one.number is not None}
    if body.number in taken:
        raise Conflict(("该编号已被占用。", "This number is taken by another place there."), code="duplicate")
    number = domain.free_number(taken, body.number or domain.number_in(body.name))
    return number, f"{parent.area}.{domain.key_of(depth, number)}"


async def update_place(db: AsyncSession, who: Principal, place_id: UUID, body: PlaceUpdate, version: int) -> Place:
    """Another name or address code; the key stays."""
    place = await locked(db, Place, place_id)
    who.must("places.update", on=place.area)
    changes = {k: v for k, v in body.model_dump(exclude_unset=True).items() if getattr(place, k) != v}
    if not changes:
        return place
    must_match(place.version, version)
    if changes.get("name", "") is None:
        raise invalid("/name", "required", "名称不能为空。", "A place needs a name.")
    place.sqlmodel_update(changes)
    place.version += 1
    record(db, PLACE, "place.updated", place_state(place, (await codes_of(db, [place.id])).get(place.id)))
    return place


async def abolish_place(db: AsyncSession, who: Principal, place_id: UUID, body: PlaceAbolish) -> Place:
    """Ends a place and its code. What hangs on its area stays as it is: paths are never rewritten."""
    place = await locked(db, Place, place_id)
    official = level(place.area) in domain.OFFICIAL
    who.must("places.abolish_official" if official else "places.abolish", on=place.area)
    if place.abolished_on is not None:
        return place
    children = select(col(Place.id)).where(col(Place.parent_id) == place.id, col(Place.abolished_on).is_(None)).limit(1)
    if (await db.execute(children)).scalar_one_or_none():
        raise TransitionNotAllowed("place", "has_places_below", "abolish", [])
    today = shanghai_date(transaction_time(db))
    if body.abolished_on is not None and body.abolished_on > today:
        raise invalid(
            "/abolished_on", "too_late", "撤销日期不能晚于今天。", "The day is still to come; abolish it then."
        )
    place.abolished_on = body.abolished_on or today
    place.version += 1
    code = await _end_code(db, place, body.replaced_by, place.abolished_on)
    record(db, PLACE, "place.abolished", place_state(place, code))
    return place


async def _end_code(db: AsyncSession, place: Place, replaced_by: str | None, on: date) -> str | None:
    query = select(PlaceCode).where(col(PlaceCode.place_id) == place.id, col(PlaceCode.valid_until).is_(None))
    row = (await db.execute(query)).scalar_one_or_none()
    if row is None:
        return None
    if replaced_by is not None:
        row.replaced_by = checked("/replaced_by", check_region_code, replaced_by).code
    if row.valid_from is not None and on < row.valid_from:
        raise invalid("/abolished_on", "too_early", "早于代码启用日期。", "The code was not in use yet on that day.")
    row.valid_until = on
    return row.code


async def settle(db: AsyncSession, place_ids: Sequence[UUID], now: datetime) -> int:
    """Brings the places' own state up to what is declared and in force; returns how many changed."""
    places = list(
        (
            await db.execute(
                select(Place).where(among(col(Place.id), place_ids)).order_by(col(Place.id)).with_for_update()
            )
        ).scalars()
    )
    declared: dict[UUID, list[PlaceState]] = {}
    query = select(PlaceState).where(among(col(PlaceState.place_id), place_ids), col(PlaceState.revoked_at).is_(None))
    for state in (await db.execute(query)).scalars():
        declared.setdefault(state.place_id, []).append(state)
    changed = [place for place in places if _take_over(place, domain.in_force(declared.get(place.id, ()), now))]
    await db.flush()
    codes = await codes_of(db, [place.id for place in changed])
    await record_many(db, PLACE, "place.state_changed", [place_state(one, codes.get(one.id)) for one in changed])
    return len(changed)


def _take_over(place: Place, chosen: PlaceState | None) -> bool:
    if place.state_id == (chosen.id if chosen else None):
        return False
    place.state_id, place.state, place.state_notice_id = (
        (chosen.id, chosen.state, chosen.notice_id) if chosen else (None, "open", None)
    )
    place.version += 1
    return True


async def start_under_measures(db: AsyncSession, created_by: UUID, places: Sequence[Place]) -> list[PlaceState]:
    """New compounds come under the measure of the emergency that covers them: sets their state before their first
    event, and returns the declared states, to be added once the places are there."""
    started = []
    measures = await measure_over(db, [place.area for place in places if place.kind == "compound"])
    now = transaction_time(db)
    for place in places:
        if (emergency := measures.get(place.area)) is None:
            continue
        state = PlaceState(
            id=new_id(),
            area=place.area,
            place_id=place.id,
            state=emergency.place_state or "open",
            from_at=now,
            notice_id=emergency.notice_id,
            emergency_id=emergency.id,
            created_by=created_by,
            created_at=now,
        )
        place.state_id, place.state, place.state_notice_id = state.id, state.state, state.notice_id
        started.append(state)
    return started
