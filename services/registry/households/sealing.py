"""How a household's fields are sealed: for whom, and in which data class.

The door belongs to the register of dwellings (``identity``). Contact and flags that were collected in an emergency are
of class ``emergency`` and fall with it; otherwise they are ``identity`` too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.registry.households import domain
from services.registry.households.tables import Household
from shared.ids import new_id
from shared.privacy import DataClass, Plain, Sealed, Vault, emergency_subject


@dataclass(frozen=True)
class Private:
    """What of a household is sealed, in clear."""

    floor: int | None
    unit: str
    contact_name: str | None = None
    phone: str | None = None
    flags: tuple[str, ...] = ()


def _owner(household_id: UUID, emergency_id: UUID | None) -> tuple[UUID, DataClass]:
    if emergency_id is None:
        return household_id, DataClass.IDENTITY
    return emergency_subject(emergency_id, household_id), DataClass.EMERGENCY


def plains(household: Household, private: Private) -> list[Plain | None]:
    """Door, contact name, phone, flags, ready to be sealed; None for what is not known."""
    here = (household.id, household.emergency_id)
    flags = (household.id, household.flags_emergency_id)
    values: list[tuple[str | None, tuple[UUID, UUID | None], str]] = [
        (domain.written_door(private.floor, private.unit), (household.id, None), "door"),
        (private.contact_name, here, "contact_name"),
        (private.phone, here, "phone"),
        (",".join(sorted(private.flags)) or None, flags, "flags"),
    ]
    return [None if value is None else Plain(value, *_owner(*owner), field) for value, owner, field in values]


async def seal(vault: Vault, households: Sequence[Household], privates: Sequence[Private]) -> None:
    """Fills the sealed fields, look-up keys and priority of many households, with few key queries."""
    wanted = [plains(household, private) for household, private in zip(households, privates, strict=True)]
    sealed = iter(await vault.seal_many([plain for one in wanted for plain in one if plain is not None]))
    for household, private, one in zip(households, privates, wanted, strict=True):
        values = [None if plain is None else next(sealed) for plain in one]
        household.door_sealed, household.contact_name_sealed, household.phone_sealed, household.flags_sealed = values
        household.door_key = vault.lookup(domain.door_text(household.area, private.unit), "door")
        household.phone_key = vault.lookup(private.phone, "phone") if private.phone else None
        household.priority_class = domain.priority_class(private.flags)


def _stored(household: Household) -> list[Sealed | None]:
    here, flags = _owner(household.id, household.emergency_id), _owner(household.id, household.flags_emergency_id)
    door = (household.id, DataClass.IDENTITY)
    columns = [
        (household.door_sealed, door, "door"),
        (household.contact_name_sealed, here, "contact_name"),
        (household.phone_sealed, here, "phone"),
        (household.flags_sealed, flags, "flags"),
    ]
    return [None if value is None else Sealed(value, *owner, field) for value, owner, field in columns]


async def opened(vault: Vault, households: Sequence[Household]) -> list[Private]:
    """The fields in clear; what was destroyed is as if it were not known."""
    stored = [_stored(household) for household in households]
    plain = iter(await vault.open_many([sealed for one in stored for sealed in one if sealed]))
    found = []
    for one in stored:
        door, name, phone, flags = [next(plain) if sealed else None for sealed in one]
        floor, unit = domain.read_door(door or "|")
        found.append(Private(floor, unit, name, phone, tuple(flags.split(",")) if flags else ()))
    return found


def blank(
    household_id: UUID | None, area: str, created_by: UUID, emergency_id: UUID | None, **fields: Any
) -> Household:
    """A household whose private fields are still to be sealed."""
    return Household(
        id=household_id or new_id(),
        area=area,
        created_by=created_by,
        emergency_id=emergency_id,
        flags_emergency_id=emergency_id,
        **fields,
    )
