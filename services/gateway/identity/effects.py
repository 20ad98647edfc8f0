"""What registry's roles do to those who are signed in."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway.identity.use_cases import outdate_tokens
from shared.bus.copies import copy_into
from shared.contracts import registry
from shared.contracts.base import Event

_copy = copy_into("role_copies")


async def on_role(db: AsyncSession, event: Event) -> None:
    """Effect of ``role.created`` and ``role.ended``.

    Copies are another consumer and may be behind; the role is written here too, so that a token issued after this
    carries it.
    """
    role = event.of(registry.RoleV1)
    await outdate_tokens(db, role.person_id)
    await _copy(db, [event])
