"""A notice comes in; applying it opens or widens an emergency and sets place states, in one transaction."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.registry.emergencies.queries import active
from services.registry.emergencies.tables import Emergency
from services.registry.emergencies.use_cases import open_emergency, update_emergency
from services.registry.notices import domain
from services.registry.notices.schemas import NoticeApply, NoticeCreate
from services.registry.notices.tables import Notice
from services.registry.places.queries import place_at, place_by_code
from services.registry.places.states import declare_for_all
from services.registry.places.tables import Place
from shared.answers import same_or_conflict
from shared.areas import covers, outermost, smallest_common, within
from shared.auth import Principal
from shared.bus.outbox import record
from shared.contracts.record import RecordV1
from shared.contracts.registry import RECORD
from shared.database import locked, transaction_time
from shared.ids import new_id
from shared.problems import Forbidden, invalid
from shared.web import Transition


async def receive_notice(db: AsyncSession, who: Principal, body: NoticeCreate) -> Notice:
    """Keeps a notice; the same message again is the same notice. Unknown or abolished codes are refused."""
    areas = outermost([*await _known(db, body.areas), *await _of_codes(db, body.region_codes)])
    if not areas:
        raise invalid("/areas", "required", "请给出 areas 或 region_codes。", "Give areas or region_codes.")
    for area in areas:
        who.must("notices.create", on=area)
    if present := await _present(db, body):
        return same_or_conflict(present, {"number": body.number, "title": body.title, "areas": areas})
    notice = Notice(
        **body.model_dump(exclude={"id", "areas", "region_codes", "from_at"}),
        id=body.id or new_id(),
        area=smallest_common(areas),
        areas=areas,
        from_at=body.from_at or body.issued_at,
        created_at=transaction_time(db),
    )
    db.add(notice)
    _tell(db, "notice.received", notice)
    return notice


async def _known(db: AsyncSession, areas: Sequence[str]) -> Sequence[str]:
    for index, area in enumerate(areas):
        if await place_at(db, area) is None:
            raise invalid(f"/areas/{index}", "unknown", "没有此地点。", "There is no such place; check the area path.")
    return areas


async def _of_codes(db: AsyncSession, codes: Sequence[str]) -> list[str]:
    return [(await place_by_code(db, code, f"/region_codes/{index}")).area for index, code in enumerate(codes)]


async def _present(db: AsyncSession, body: NoticeCreate) -> Notice | None:
    wanted = [col(Notice.id) == body.id] if body.id else []
    if body.message_id:
        wanted.append(col(Notice.message_id) == body.message_id)
    if not wanted:
        return None
    return (await db.execute(select(Notice).where(or_(*wanted)).limit(1))).scalar_one_or_none()


async def apply_notice(db: AsyncSession, who: Principal, notice_id: UUID, body: NoticeApply) -> Notice:
    """Opens or widens the emergency and declares the place state, in the caller's part of the notice's areas."""
    notice = await locked(db, Notice, notice_id)
    targets = _targets(who, notice, body)
    state = domain.NOTICE.step(notice.state, "apply")
    new = [area for area in targets if not any(covers(done, area) for done in notice.applied_areas)]
    if not new:
        return notice
    place_state = body.place_state or notice.place_state
    emergency = await _emergency_for(db, who, notice, new, body.legal_basis or notice.legal_basis, place_state)
    await db.flush()
    if place_state is not None:
        places = await _places_to_set(db, new)
        await declare_for_all(db, who, places, place_state, notice.from_at, notice.until_at, notice.id, emergency.id)
    notice.state, notice.emergency_id = state, emergency.id
    notice.applied_areas = outermost([*notice.applied_areas, *new])
    _decide(db, who, notice, body.note)
    _tell(db, "notice.applied", notice)
    return notice


def _targets(who: Principal, notice: Notice, body: NoticeApply) -> list[str]:
    if body.areas is None:
        if not (targets := domain.within_reach(notice.areas, who.areas_for("notices.apply"))):
            raise Forbidden(
                (
                    "您不能在通告所涉区域执行此操作。",
                    "You may not apply notices in any of its areas; ask the street office.",
                )
            )
        return targets
    for area in body.areas:
        who.must("notices.apply", on=area)
    if domain.outside(body.areas, notice.areas):
        raise invalid("/areas", "outside_notice", "超出通告所涉区域。", "The notice does not speak of these areas.")
    return outermost(body.areas)


async def _emergency_for(
    db: AsyncSession,
    who: Principal,
    notice: Notice,
    areas: Sequence[str],
    legal_basis: str | None,
    place_state: str | None,
) -> Emergency:
    """The notice's own emergency, widened; or one that covers the areas already; or a new one."""
    for emergency in await active(db):
        all_covered = all(any(covers(outer, area) for outer in emergency.areas) for area in areas)
        if emergency.id == notice.emergency_id or all_covered:
            row = await locked(db, Emergency, emergency.id)
            update_emergency(db, row, areas, place_state)
            return row
    if legal_basis is None:
        raise invalid(
            "/legal_basis", "required", "请说明法律依据。", "An emergency needs its legal basis; the notice names none."
        )
    return open_emergency(
        db,
        who,
        areas=areas,
        title=notice.title,
        legal_basis=legal_basis,
        notice_id=notice.id,
        place_state=place_state,
        from_at=min(notice.from_at, transaction_time(db)),
    )


async def _places_to_set(db: AsyncSession, areas: Sequence[str]) -> Sequence[Place]:
    """Compounds in the areas, and buildings or entrances that are named themselves."""
    named = and_(col(Place.area).in_(areas), col(Place.kind).in_(["building", "entrance"]))
    inside = and_(within(col(Place.area), areas), col(Place.kind) == "compound")
    query = select(Place).where(or_(named, inside), col(Place.abolished_on).is_(None)).order_by(col(Place.id))
    return (await db.execute(query)).scalars().all()


async def dismiss_notice(db: AsyncSession, who: Principal, notice_id: UUID, body: Transition) -> Notice:
    """Puts a notice aside that asks for nothing here."""
    notice = await locked(db, Notice, notice_id)
    for area in notice.areas:
        who.must("notices.dismiss", on=area)
    if (state := domain.NOTICE.step(notice.state, "dismiss")) == notice.state:
        return notice
    notice.state = state
    _decide(db, who, notice, body.reason_code or body.note)
    _tell(db, "notice.dismissed", notice)
    return notice


def _decide(db: AsyncSession, who: Principal, notice: Notice, reason: str | None) -> None:
    notice.decided_by, notice.decided_at, notice.reason = who.id, transaction_time(db), reason
    notice.version += 1


def _tell(db: AsyncSession, event_type: str, notice: Notice) -> None:
    refs = {"emergency_id": notice.emergency_id, "message_id": notice.message_id, "source_id": notice.source_id}
    payload = RecordV1(
        id=notice.id,
        version=notice.version,
        area=notice.area,
        kind="notice",
        state=notice.state,
        refs={name: ref for name, ref in refs.items() if ref is not None},
        reason=None,
    )
    record(db, RECORD, event_type, payload)
