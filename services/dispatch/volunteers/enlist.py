"""From approved sign-ups to volunteers: one per person, made or joined to another call, many at a time.

The sealed fields of a sign-up belong to the same person, class and field names as the volunteer's, so they are taken
over as they are, without being opened.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.dispatch.vetting.tables import SignUp
from services.dispatch.volunteers import domain
from services.dispatch.volunteers.messages import volunteer_event
from services.dispatch.volunteers.tables import Volunteer
from shared.bus.outbox import record_many
from shared.contracts import dispatch
from shared.database import transaction_time
from shared.problems import Conflict, Problem
from shared.walls import beyond_callers_areas

TAKEN_OVER = (
    "name_sealed",
    "phone_sealed",
    "id_number_sealed",
    "id_number_key",
    "health_note_sealed",
    "skills",
    "availability",
    "carrying_capacity_kg",
    "health_declared_on",
)

# Two approvals of one person at once: the second waits and then finds the volunteer.
_ONE_AT_A_TIME = text(
    "SELECT count(pg_advisory_xact_lock(hashtextextended(person::text, 31)))"
    " FROM (SELECT unnest(:people) AS person ORDER BY person) AS ordered"
).bindparams(bindparam("people", type_=ARRAY(Uuid)))
_SERIALS = text("SELECT nextval('volunteer_serials') FROM generate_series(1, :count)")


async def enlist(
    db: AsyncSession, sign_ups: Sequence[SignUp], areas: Mapping[UUID, Sequence[str]]
) -> dict[UUID, Problem]:
    """Makes or joins the volunteers behind these sign-ups; ``areas`` of each call by its id.

    Returns, by sign-up, why somebody cannot serve: suspended, or known as another person by the same identity number.
    """
    people = sorted({one.person_id for one in sign_ups})
    await db.execute(_ONE_AT_A_TIME, {"people": people})
    async with beyond_callers_areas(db):
        present = await _present(db, people)
        owners = await _owners(db, [one.id_number_key for one in sign_ups if one.id_number_key])
        serials = iter((await db.execute(_SERIALS, {"count": len(people)})).scalars().all())
        problems: dict[UUID, Problem] = {}
        made: dict[UUID, Volunteer] = {}
        joined: dict[UUID, Volunteer] = {}
        for one in sign_ups:
            volunteer = present.get(one.person_id) or made.get(one.person_id)
            if problem := _problem(one, volunteer, owners):
                problems[one.id] = problem
            elif volunteer is None:
                made[one.person_id] = _volunteer(db, one, areas[one.recruitment_call_id], next(serials))
            elif _join(volunteer, one, areas[one.recruitment_call_id]) and one.person_id in present:
                joined[one.person_id] = volunteer
        db.add_all(made.values())
        for volunteer in joined.values():
            volunteer.version += 1
        await _tell(db, made, joined)
    return problems


async def _present(db: AsyncSession, people: Sequence[UUID]) -> dict[UUID, Volunteer]:
    query = select(Volunteer).where(col(Volunteer.id).in_(people)).order_by(col(Volunteer.id)).with_for_update()
    rows = (await db.execute(query.execution_options(populate_existing=True))).scalars()
    return {volunteer.id: volunteer for volunteer in rows}


async def _owners(db: AsyncSession, keys: Sequence[bytes]) -> dict[bytes, UUID]:
    query = select(col(Volunteer.id_number_key), col(Volunteer.id)).where(col(Volunteer.id_number_key).in_(keys))
    return {bytes(key): id for key, id in await db.execute(query)}


def _problem(one: SignUp, volunteer: Volunteer | None, owners: dict[bytes, UUID]) -> Problem | None:
    if volunteer is not None and volunteer.state == "suspended":
        return Conflict(
            (
                "该志愿者已被暂停, 请先恢复。",
                "This volunteer is suspended; reinstate them first, or refuse the sign-up.",
            ),
            code="transition_not_allowed",
            state="suspended",
            allowed_actions=["reinstate"],
        )
    assert one.id_number_key is not None
    if owners.setdefault(one.id_number_key, one.person_id) != one.person_id:
        return Conflict(
            (
                "该证件号已属于另一名志愿者, 请核实身份。",
                "Another volunteer has this identity number; verify who is who, then refuse one of them.",
            ),
            code="duplicate",
        )
    return None


def _volunteer(db: AsyncSession, one: SignUp, areas: Sequence[str], serial: int) -> Volunteer:
    taken_over: dict[str, Any] = {name: getattr(one, name) for name in TAKEN_OVER}
    return Volunteer(
        id=one.person_id,
        area=one.home_area,
        serves=sorted(areas),
        volunteer_no=domain.volunteer_no(serial),
        created_at=transaction_time(db),
        **taken_over,
    )


def _join(volunteer: Volunteer, one: SignUp, areas: Sequence[str]) -> bool:
    return domain.join(volunteer, areas, one.health_declared_on, one.health_note_sealed)


async def _tell(db: AsyncSession, made: Mapping[UUID, Volunteer], joined: Mapping[UUID, Volunteer]) -> None:
    for happened, volunteers in (("volunteer.created", made), ("volunteer.updated", joined)):
        events = [volunteer_event(volunteer) for volunteer in volunteers.values()]
        await record_many(db, dispatch.VOLUNTEER, happened, events)
