"""Volunteers as they are shown: masked."""

from collections.abc import Sequence

from services.dispatch.sealed import masked, opened
from services.dispatch.volunteers.domain import VOLUNTEER
from services.dispatch.volunteers.schemas import VolunteerPublic
from services.dispatch.volunteers.tables import Volunteer
from shared.privacy import Vault


async def shown(vault: Vault, volunteers: Sequence[Volunteer], expand: Sequence[str] = ()) -> list[VolunteerPublic]:
    """The profiles as everybody sees them who may see them at all."""
    made = []
    for one, clear in zip(volunteers, await opened(vault, [(one.id, one) for one in volunteers]), strict=True):
        public = VolunteerPublic.model_validate(one.model_dump() | masked(clear))
        if "allowed_actions" in expand:
            public.allowed_actions = VOLUNTEER.allowed(one.state)
        made.append(public)
    return made
