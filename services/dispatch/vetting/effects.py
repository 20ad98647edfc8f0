"""What becomes of sign-ups when registry tells something."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.dispatch.recruitment.use_cases import locked_places
from services.dispatch.vetting import domain
from services.dispatch.vetting.messages import sign_up_event
from services.dispatch.vetting.tables import SignUp
from services.dispatch.vetting.use_cases import free
from shared.bus.outbox import record
from shared.contracts.base import Event
from shared.contracts.dispatch import RECORD
from shared.database import transaction_time


async def on_person_erased(db: AsyncSession, event: Event) -> None:
    """Their living sign-ups are withdrawn and emptied. The volunteer record stays: the law wants it kept."""
    living = col(SignUp.person_id) == event.key, col(SignUp.state).in_(domain.LIVING)
    calls = (await db.execute(select(col(SignUp.recruitment_call_id)).where(*living))).scalars().all()
    places = await locked_places(db, calls)
    query = select(SignUp).where(*living).order_by(col(SignUp.id)).with_for_update()
    for sign_up in (await db.execute(query.execution_options(populate_existing=True))).scalars().all():
        before = sign_up.state
        if happened := domain.withdraw(sign_up, "person_erased", None, transaction_time(db)):
            await free(db, places[sign_up.recruitment_call_id], before)
            record(db, RECORD, happened, sign_up_event(sign_up))
