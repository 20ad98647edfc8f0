"""What dispatch keeps of a person, only sealed (class volunteer_record): opened, masked, revealed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from shared.privacy import DataClass, Plain, Sealed, Vault, mask_id, mask_name, mask_phone

MASKS: Mapping[str, Callable[[str], str | None]] = {
    "name": mask_name,
    "phone": mask_phone,
    "id_number": mask_id,
    "health_note": lambda _: None,
    "note": lambda _: None,
}
"""Health and the staff's notes are hidden whole."""

FIELDS = tuple(MASKS)
Clear = dict[str, str | None]


class Kept(Protocol):
    """A row with ``<field>_sealed`` columns."""

    name_sealed: Any
    phone_sealed: Any
    id_number_sealed: Any
    health_note_sealed: Any
    note_sealed: Any


async def seal(vault: Vault, person_id: UUID, clear: Mapping[str, str | None]) -> dict[str, Any]:
    """Field → sealed value, under the names of their columns."""
    known = {field: value for field, value in clear.items() if value is not None}
    plains = [Plain(value, person_id, DataClass.VOLUNTEER_RECORD, field) for field, value in known.items()]
    sealed = dict(zip(known, await vault.seal_many(plains), strict=True)) if plains else {}
    return {f"{field}_sealed": sealed.get(field) for field in clear}


async def opened(vault: Vault, rows: Sequence[tuple[UUID, Kept]]) -> list[Clear]:
    """Per person and row: field → plain text; None for what is not kept."""
    wanted = [
        (index, field, Sealed(value, person_id, DataClass.VOLUNTEER_RECORD, field))
        for index, (person_id, row) in enumerate(rows)
        for field in FIELDS
        if (value := getattr(row, f"{field}_sealed")) is not None
    ]
    plain = await vault.open_many([sealed for _, _, sealed in wanted])
    found: list[Clear] = [dict.fromkeys(FIELDS) for _ in rows]
    for (index, field, _), value in zip(wanted, plain, strict=True):
        found[index][field] = value
    return found


def masked(clear: Clear) -> dict[str, Any]:
    """Every field as it is shown by default, and ``masked``: the names of those that are kept."""
    hidden = {field: MASKS[field](value) for field, value in clear.items() if value is not None}
    return dict.fromkeys(FIELDS) | hidden | {"masked": sorted(hidden)}


def only(clear: Clear, fields: Sequence[str]) -> Clear:
    """The fields asked for in clear, the others null."""
    return {field: value if field in fields else None for field, value in clear.items()}
