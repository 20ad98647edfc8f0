"""Sign-ups as they are shown: masked, with the age that the call asks for."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from services.dispatch.sealed import masked, opened
from services.dispatch.vetting.domain import SIGN_UP, age_on
from services.dispatch.vetting.schemas import SignUpPublic
from services.dispatch.vetting.tables import SignUp
from shared.clock import shanghai_date
from shared.database import transaction_time
from shared.identifiers import born_on
from shared.privacy import Vault


async def shown(
    db: AsyncSession, vault: Vault, sign_ups: Sequence[SignUp], expand: Sequence[str] = ()
) -> list[SignUpPublic]:
    """The sign-ups as everybody sees them who may see them at all."""
    today = shanghai_date(transaction_time(db))
    made = []
    for one, clear in zip(sign_ups, await opened(vault, [(one.person_id, one) for one in sign_ups]), strict=True):
        number = clear["id_number"]
        age = None if number is None else age_on(born_on(number), today)
        public = SignUpPublic.model_validate(one.model_dump() | masked(clear) | {"age": age})
        if "allowed_actions" in expand:
            public.allowed_actions = SIGN_UP.allowed(one.state)
        made.append(public)
    return made
