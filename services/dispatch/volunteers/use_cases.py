"""Keeping a profile, suspending and reinstating; a profile is made by vetting (``enlist``)."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.dispatch import copies
from services.dispatch.access import log_access
from services.dispatch.sealed import only, opened, seal
from services.dispatch.volunteers import domain
from services.dispatch.volunteers.messages import volunteer_event
from services.dispatch.volunteers.schemas import VolunteerReveal, VolunteerRevealed, VolunteerSuspend, VolunteerUpdate
from services.dispatch.volunteers.tables import Volunteer
from shared.auth import Principal
from shared.bus.outbox import record
from shared.contracts.dispatch import VOLUNTEER
from shared.database import fetched, locked, transaction_time
from shared.privacy import Vault
from shared.problems import invalid
from shared.web import Transition, must_match


def _must(who: Principal, verb: str, volunteer: Volunteer) -> None:
    """The right holds at home and wherever they serve. Raises Forbidden."""
    if not any(who.may(verb, on=area) for area in volunteer.serves):
        who.must(verb, on=volunteer.area)


async def update_volunteer(
    db: AsyncSession, who: Principal, volunteer_id: UUID, body: VolunteerUpdate, version: int, vault: Vault
) -> Volunteer:
    """Volunteers keep their own profile; staff correct all of it. Raises Forbidden for a field that is not theirs."""
    volunteer = await locked(db, Volunteer, volunteer_id)
    wanted = body.model_dump(mode="json", include={"trainings"}, exclude_unset=True) | body.model_dump(
        exclude={"trainings"}, exclude_unset=True
    )
    if volunteer.id != who.id or wanted.keys() - domain.OWN:
        _must(who, "volunteers.update", volunteer)
    changes = await _changes(volunteer, wanted, vault)
    if not changes:
        return volunteer
    must_match(volunteer.version, version)
    if "area" in changes and changes["area"] not in await copies.place_names(db, [changes["area"]]):
        raise invalid("/area", "unknown", "没有此地点, 或已撤销。", "There is no such place; read /v1/places.")
    for name, value in changes.items():
        setattr(volunteer, name, value)
    volunteer.version += 1
    record(db, VOLUNTEER, "volunteer.updated", volunteer_event(volunteer))
    return volunteer


async def _changes(volunteer: Volunteer, wanted: dict[str, Any], vault: Vault) -> dict[str, Any]:
    """Column → new value, of what is another than before."""
    given = {name: value for name, value in wanted.items() if value is not None or name == "insured_until"}
    private = {name: given.pop(name) for name in ("name", "phone") if name in given}
    clear = (await opened(vault, [(volunteer.id, volunteer)]))[0]
    sealed = await seal(vault, volunteer.id, {f: v for f, v in private.items() if clear[f] != v})
    return {name: value for name, value in given.items() if getattr(volunteer, name) != value} | sealed


async def suspend_volunteer(
    db: AsyncSession, who: Principal, volunteer_id: UUID, body: VolunteerSuspend, vault: Vault
) -> Volunteer:
    """They do not serve, and are approved for nothing else, until they are reinstated."""
    volunteer = await locked(db, Volunteer, volunteer_id)
    _must(who, "volunteers.suspend", volunteer)
    note = (await seal(vault, volunteer.id, {"note": body.note}))["note_sealed"]
    if happened := domain.suspend(volunteer, body.reason_code, note, transaction_time(db)):
        record(db, VOLUNTEER, happened, volunteer_event(volunteer), occurred_at=body.occurred_at)
    return volunteer


async def reinstate_volunteer(db: AsyncSession, who: Principal, volunteer_id: UUID, body: Transition) -> Volunteer:
    """They serve again."""
    volunteer = await locked(db, Volunteer, volunteer_id)
    _must(who, "volunteers.reinstate", volunteer)
    if happened := domain.reinstate(volunteer):
        record(db, VOLUNTEER, happened, volunteer_event(volunteer), occurred_at=body.occurred_at)
    return volunteer


async def reveal_volunteer(
    db: AsyncSession, who: Principal, volunteer_id: UUID, body: VolunteerReveal, vault: Vault
) -> VolunteerRevealed:
    """Fields in clear, for a purpose that is written down; everybody may see their own."""
    volunteer = await fetched(db, Volunteer, volunteer_id)
    if volunteer.id != who.id:
        _must(who, "volunteers.reveal", volunteer)
    await log_access(
        db,
        who,
        "volunteers.reveal",
        body.purpose,
        area=volunteer.area,
        subject=volunteer.id,
        ref=volunteer.id,
        fields=body.fields,
    )
    clear = (await opened(vault, [(volunteer.id, volunteer)]))[0]
    return VolunteerRevealed.model_validate({"id": volunteer.id} | only(clear, body.fields))
