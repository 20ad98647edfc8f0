"""What a call does when registry tells something."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.dispatch.recruitment import domain
from services.dispatch.recruitment.messages import call_event
from services.dispatch.recruitment.tables import RecruitmentCall
from services.dispatch.recruitment.use_cases import under_lock
from shared.bus.outbox import record
from shared.contracts import dispatch
from shared.contracts.base import Event
from shared.contracts.registry import EmergencyV1
from shared.database import transaction_time


async def on_emergency_closed(db: AsyncSession, event: Event) -> None:
    """Calls that were made for it take no more sign-ups; drafts are given up."""
    emergency = event.of(EmergencyV1)
    made_for_it = select(col(RecruitmentCall.id)).where(
        col(RecruitmentCall.emergency_id) == emergency.id, col(RecruitmentCall.state).in_(("draft", "published"))
    )
    for call_id in (await db.execute(made_for_it.order_by(col(RecruitmentCall.id)))).scalars().all():
        _, call = await under_lock(db, call_id)
        if call.state not in ("draft", "published"):
            continue
        end = domain.close if call.state == "published" else domain.cancel
        if happened := end(call, "emergency_over", None, transaction_time(db)):
            record(db, dispatch.RECRUITMENT_CALL, happened, call_event(call))
