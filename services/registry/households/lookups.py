"""Finding households by what only registry can look up, and giving contacts for a purpose; all of it is logged."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.registry.access import log_access
from services.registry.checks import among
from services.registry.claims.queries import confirmed_claim
from services.registry.households import domain, views
from services.registry.households.schemas import (
    ContactsWanted,
    DoorResolved,
    DoorRow,
    HouseholdContact,
    HouseholdResolve,
    HouseholdReveal,
    HouseholdSearch,
)
from services.registry.households.sealing import opened
from services.registry.households.tables import Household
from services.registry.places.domain import number_in
from services.registry.places.tables import Place
from shared.areas import Level, level
from shared.auth import Principal
from shared.database import fetched
from shared.privacy import Vault
from shared.problems import invalid

SEARCH_LIMIT = 50


async def search_households(
    db: AsyncSession, who: Principal, body: HouseholdSearch, vault: Vault
) -> Sequence[Household]:
    """Households of the caller's areas with this phone, or at this door. Personal data never stands in an address."""
    who.must("households.search")
    if body.phone is not None:
        match, field = col(Household.phone_key) == vault.lookup(body.phone, "phone"), "phone"
    elif body.area is not None and body.unit is not None:
        key = vault.lookup(domain.door_text(body.area, body.unit), "door")
        match, field = col(Household.door_key) == key, "door"
    else:
        raise invalid("/phone", "one_of", "请给出 phone, 或 area 与 unit。", "Give phone, or area and unit.")
    query = (
        select(Household).where(match, col(Household.state) == "active").order_by(col(Household.id)).limit(SEARCH_LIMIT)
    )
    found = (await db.execute(query)).scalars().all()
    await log_access(db, who, "households.search", "search", [one.id for one in found], [field])
    return found


async def reveal_household(
    db: AsyncSession, who: Principal, household_id: UUID, body: HouseholdReveal, vault: Vault
) -> HouseholdContact:
    """Fields in clear, for a purpose; a household's own people may see their own."""
    household = await fetched(db, Household, household_id)
    if await confirmed_claim(db, household.id, who.id) is None:
        who.must("households.reveal", on=household.area)
    await log_access(db, who, "households.reveal", body.purpose, [household.id], body.fields, area=household.area)
    return views.revealed(household, (await opened(vault, [household]))[0], body.fields)


async def give_contacts(db: AsyncSession, who: Principal, body: ContactsWanted, vault: Vault) -> list[HouseholdContact]:
    """Contacts of many households for another service, in one logged call; merged ones answer with their heir's."""
    who.must("households.contacts")
    await log_access(
        db, who, "households.contacts", body.purpose, body.household_ids, body.fields, reference=body.reference
    )
    rows = (await db.execute(select(Household).where(among(col(Household.id), body.household_ids)))).scalars().all()
    privates = await opened(vault, rows)
    given = {row.id: views.revealed(row, private, body.fields) for row, private in zip(rows, privates, strict=True)}
    return [given.get(wanted) or _missing(wanted) for wanted in body.household_ids]


def _missing(household_id: UUID) -> HouseholdContact:
    return HouseholdContact(
        household_id=household_id,
        area=None,
        contact_name=None,
        phone=None,
        floor=None,
        unit=None,
        flags=None,
        missing=True,
    )


async def resolve_doors(db: AsyncSession, who: Principal, body: HouseholdResolve, vault: Vault) -> list[DoorResolved]:
    """Which households stand behind these doors: none, one, or several where the entrance was left out."""
    who.must("households.resolve")
    places = await _places_of(db, body.rows)
    keys: dict[bytes, list[str]] = {}
    for row in body.rows:
        for key in _door_keys(row, places, vault):
            keys.setdefault(key, []).append(row.row_id)
    query = select(col(Household.id), col(Household.door_key)).where(col(Household.door_key).in_(list(keys)))
    found: dict[str, list[UUID]] = {row.row_id: [] for row in body.rows}
    for household_id, door_key in (await db.execute(query.order_by(col(Household.id)))).all():
        for row_id in keys[door_key or b""]:
            found[row_id].append(household_id)
    ids = sorted({one for ids in found.values() for one in ids})
    await log_access(db, who, "households.resolve", body.purpose, ids, ["door"], reference=body.reference)
    return [DoorResolved(row_id=row_id, household_ids=ids) for row_id, ids in found.items()]


async def _places_of(db: AsyncSession, rows: Sequence[DoorRow]) -> Mapping[str, Sequence[Place]]:
    """Children of every place that a row starts from, two levels down at most: parent's area → places."""
    children: dict[str, list[Place]] = {}
    areas = {row.area for row in rows if level(row.area) in (Level.COMPOUND, Level.BUILDING)}
    for _ in range(2):
        parents = select(col(Place.id)).where(col(Place.area).in_(areas))
        query = select(Place).where(col(Place.parent_id).in_(parents), col(Place.abolished_on).is_(None))
        found = (await db.execute(query)).scalars().all()
        for place in found:
            children.setdefault(place.area.rpartition(".")[0], []).append(place)
        areas = {place.area for place in found if place.kind == "building"}
    return children


def _door_keys(row: DoorRow, children: Mapping[str, Sequence[Place]], vault: Vault) -> list[bytes]:
    try:
        unit = domain.normal_unit(row.unit)
    except domain.BadUnit:
        return []
    buildings = [row.area]
    if level(row.area) is Level.COMPOUND:
        buildings = [place.area for place in children.get(row.area, ()) if _called(place, row.building)]
    areas = []
    for building in buildings:
        entrances = children.get(building, ()) if level(building) is Level.BUILDING else ()
        areas += [place.area for place in entrances if row.entrance is None or _called(place, row.entrance)]
        if row.entrance is None or level(building) is Level.ENTRANCE:
            areas.append(building)
    return [vault.lookup(domain.door_text(area, unit), "door") for area in areas]


def _called(place: Place, name: str | None) -> bool:
    """Whether people mean this place: by its number (``8``, ``8栋``) or its name."""
    if name is None:
        return False
    number = number_in(name.strip())
    return place.name == name.strip() or (number is not None and place.number == number)
