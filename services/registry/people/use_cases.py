"""A person has one id; phone and identity number are known only sealed, and found only by keyed hash."""

from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.registry.access import log_access
from services.registry.emergencies.queries import emergencies_over
from services.registry.people.schemas import (
    PersonCreate,
    PersonEnsure,
    PersonReveal,
    PersonRevealed,
    PersonSearch,
    PersonUpdate,
)
from services.registry.people.tables import Person
from services.registry.people.views import opened
from shared.answers import id_conflict
from shared.auth import Principal
from shared.bus.outbox import record
from shared.contracts.record import RecordV1
from shared.contracts.registry import RECORD
from shared.database import fetched, locked, transaction_time
from shared.ids import new_id
from shared.privacy import DataClass, Purpose, Vault
from shared.problems import Conflict, invalid
from shared.web import must_match

_FIND = select(Person).from_statement(text("SELECT * FROM registry_people_by(:phone, :id_number)"))
_FIELDS: dict[str, Purpose | None] = {"name": None, "phone": "phone", "id_number": "id_number"}


async def find(db: AsyncSession, vault: Vault, phone: str | None, id_number: str | None = None) -> Person | None:
    """The person with this phone or identity number, also outside the caller's areas."""
    keys = {
        "phone": vault.lookup(phone, "phone") if phone else None,
        "id_number": vault.lookup(id_number, "id_number") if id_number else None,
    }
    return (await db.execute(_FIND, keys)).scalars().first()


async def create_person(db: AsyncSession, who: Principal, body: PersonCreate, vault: Vault) -> Person:
    """Registers somebody, once per phone and identity number."""
    who.must("people.create", on=body.area)
    if body.id and (present := await db.get(Person, body.id)):
        plain = (await opened(vault, [present]))[0]
        if plain != {"name": body.name, "phone": body.phone, "id_number": body.id_number}:
            raise id_conflict()
        return present
    if (body.phone or body.id_number) and await find(db, vault, body.phone, body.id_number):
        raise Conflict(
            (
                "该手机号或证件号已登记, 请先查找。",
                "The phone or identity number is registered; find it with people/search.",
            ),
            code="duplicate",
        )
    emergency = (await emergencies_over(db, [body.area])).get(body.area)
    person = Person(
        id=body.id or new_id(),
        area=body.area,
        emergency_id=emergency.id if emergency else None,
        created_by=who.id,
        created_at=transaction_time(db),
    )
    await _fill(vault, person, body.model_dump(include=set(_FIELDS)))
    db.add(person)
    _tell(db, "person.created", person)
    return person


async def ensure_person(db: AsyncSession, who: Principal, body: PersonEnsure, vault: Vault) -> Person:
    """Finds or creates the person behind a verified phone; two at once get the same one."""
    who.must("people.ensure")
    lock = "SELECT pg_advisory_xact_lock(hashtextextended(encode(:key, 'hex'), 11))"
    await db.execute(text(lock), {"key": vault.lookup(body.phone, "phone")})
    if present := await find(db, vault, body.phone):
        if body.name is not None and present.name_sealed is None:
            await _fill(vault, present, {"name": body.name})
            present.version += 1
            _tell(db, "person.updated", present)
        return present
    person = Person(id=new_id(), created_by=who.id, created_at=transaction_time(db))
    await _fill(vault, person, body.model_dump(exclude_none=True))
    db.add(person)
    _tell(db, "person.created", person)
    return person


async def update_person(
    db: AsyncSession, who: Principal, person_id: UUID, body: PersonUpdate, version: int, vault: Vault
) -> Person:
    """Corrects what is known of a person; they may correct their own name."""
    person = await locked(db, Person, person_id)
    changes = body.model_dump(exclude_unset=True)
    if person.id != who.id or set(changes) - {"name"}:
        who.must("people.update", on=person.area)
    if changes.get("name", "") is None:
        raise invalid("/name", "required", "姓名不能为空。", "A person needs a name.")
    plain = (await opened(vault, [person]))[0]
    changes = {field: value for field, value in changes.items() if plain[field] != value}
    if not changes:
        return person
    must_match(person.version, version)
    other = await find(db, vault, changes.get("phone"), changes.get("id_number"))
    if other is not None and other.id != person.id:
        raise Conflict(("该手机号或证件号属于他人。", "The phone or identity number belongs to somebody else."))
    await _fill(vault, person, changes)
    person.version += 1
    _tell(db, "person.updated", person)
    return person


async def _fill(vault: Vault, person: Person, fields: dict[str, str | None]) -> None:
    for field, value in fields.items():
        sealed = None if value is None else await vault.seal(value, person.id, DataClass.IDENTITY, field)
        setattr(person, f"{field}_sealed", sealed)
        if (purpose := _FIELDS[field]) is not None:
            setattr(person, f"{field}_key", None if value is None else vault.lookup(value, purpose))


async def search_people(db: AsyncSession, who: Principal, body: PersonSearch, vault: Vault) -> list[Person]:
    """Staff find a person by the exact phone or identity number, wherever that person is registered; it is logged."""
    who.must("people.search")
    if (body.phone is None) == (body.id_number is None):
        raise invalid("/phone", "one_of", "请给出 phone 或 id_number 之一。", "Give either phone or id_number.")
    found = await find(db, vault, body.phone, body.id_number)
    subjects = [found.id] if found else []
    await log_access(db, who, "people.search", "search", subjects, ["phone" if body.phone else "id_number"])
    return [found] if found else []


async def reveal_person(
    db: AsyncSession, who: Principal, person_id: UUID, body: PersonReveal, vault: Vault
) -> PersonRevealed:
    """Fields in clear, for a purpose that is written down; everybody may see their own."""
    person = await fetched(db, Person, person_id)
    if person.id != who.id:
        await _must_reveal(db, who, person)
    await log_access(db, who, "people.reveal", body.purpose, [person.id], body.fields, area=person.area)
    plain = (await opened(vault, [person]))[0]
    return PersonRevealed.model_validate(
        {"id": person.id} | {field: plain[field] if field in body.fields else None for field in _FIELDS}
    )


async def _must_reveal(db: AsyncSession, who: Principal, person: Person) -> None:
    """The right holds where the person is registered, claims a household, or has a role."""
    linked = text(
        "SELECT area FROM household_claims WHERE person_id = :id AND state <> 'refused'"
        " UNION SELECT area FROM roles WHERE person_id = :id AND area IS NOT NULL"
    )
    areas = list((await db.execute(linked, {"id": person.id})).scalars())
    if not any(who.may("people.reveal", on=area) for area in [*areas, *filter(None, [person.area])]):
        who.must("people.reveal", on=person.area or "-")


def _tell(db: AsyncSession, event_type: str, person: Person) -> None:
    payload = RecordV1(
        id=person.id,
        version=person.version,
        area=person.area,
        kind="person",
        state=person.state,
        refs={},
        reason=None,
    )
    record(db, RECORD, event_type, payload)
