"""From sealed rows to masked answers."""

from collections.abc import Sequence

from services.registry.households.schemas import HouseholdContact, HouseholdPublic
from services.registry.households.sealing import Private, opened
from services.registry.households.tables import Household
from shared.privacy import Vault, mask_door, mask_name, mask_phone

_CLEAR = {"id", "version", "area", "size", "priority_class", "notify", "state", "merged_into", "emergency_id"}


async def shown(vault: Vault, households: Sequence[Household]) -> list[HouseholdPublic]:
    """The households as they are shown by default."""
    return [_masked(row, private) for row, private in zip(households, await opened(vault, households), strict=True)]


def _masked(household: Household, private: Private) -> HouseholdPublic:
    hidden = {
        "door": private.unit and mask_door(private.unit),
        "contact_name": private.contact_name and mask_name(private.contact_name),
        "phone": private.phone and mask_phone(private.phone),
    }
    masked = [field for field, value in hidden.items() if value] + (["flags"] if private.flags else [])
    return HouseholdPublic(
        **household.model_dump(include=_CLEAR | {"created_at"}),
        **{field: value or None for field, value in hidden.items()},
        flags=None if private.flags else [],
        masked=sorted(masked),
    )


def revealed(household: Household, private: Private, fields: Sequence[str]) -> HouseholdContact:
    """The fields asked for, in clear."""
    door = "door" in fields
    return HouseholdContact(
        household_id=household.id,
        area=household.area,
        contact_name=private.contact_name if "contact_name" in fields else None,
        phone=private.phone if "phone" in fields else None,
        floor=private.floor if door else None,
        unit=private.unit or None if door else None,
        flags=list(private.flags) if "flags" in fields else None,
        missing=False,
    )
