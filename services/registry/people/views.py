"""From sealed rows to masked or revealed answers."""

from collections.abc import Callable, Mapping, Sequence

from services.registry.people.schemas import PersonPublic
from services.registry.people.tables import Person
from shared.privacy import DataClass, Sealed, Vault, mask_id, mask_name, mask_phone

MASKS: Mapping[str, Callable[[str], str]] = {"name": mask_name, "phone": mask_phone, "id_number": mask_id}


async def opened(vault: Vault, people: Sequence[Person]) -> list[dict[str, str | None]]:
    """Per person: field → plain text; None for what is not known or was erased."""
    wanted = [
        (index, field, Sealed(value, person.id, DataClass.IDENTITY, field))
        for index, person in enumerate(people)
        for field in MASKS
        if (value := getattr(person, f"{field}_sealed")) is not None
    ]
    plain = await vault.open_many([sealed for _, _, sealed in wanted])
    found: list[dict[str, str | None]] = [dict.fromkeys(MASKS) for _ in people]
    for (index, field, _), value in zip(wanted, plain, strict=True):
        found[index][field] = value
    return found


async def shown(vault: Vault, people: Sequence[Person]) -> list[PersonPublic]:
    """The people as they are shown by default."""
    return [_masked(person, fields) for person, fields in zip(people, await opened(vault, people), strict=True)]


def _masked(person: Person, fields: Mapping[str, str | None]) -> PersonPublic:
    hidden = {field: MASKS[field](value) for field, value in fields.items() if value is not None}
    return PersonPublic(
        **person.model_dump(include={"id", "version", "area", "state", "created_at"}),
        name=hidden.get("name"),
        phone=hidden.get("phone"),
        id_number=hidden.get("id_number"),
        masked=sorted(hidden),
    )
