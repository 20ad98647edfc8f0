"""What answers do to an endpoint: it rests, recovers, or has gone."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.gateway.webhooks import domain, queries
from services.gateway.webhooks.messages import endpoint_record
from services.gateway.webhooks.tables import WebhookEndpoint
from shared.bus.outbox import record
from shared.contracts import gateway


async def note_answers(db: AsyncSession, endpoint_id: UUID, answers: Sequence[tuple[int, domain.Answer]]) -> None:
    """Takes note of answers, each with the breaker's round in which it was asked for. 410 disables at once."""
    if not any(answer.error for _, answer in answers) and not await _is_failing(db, endpoint_id):
        return
    statement = select(WebhookEndpoint).where(col(WebhookEndpoint.id) == endpoint_id).with_for_update(key_share=True)
    endpoint = (await db.execute(statement)).scalar_one()
    if endpoint.state != "enabled":
        return
    if any(answer.error == "gone" for _, answer in answers):
        disable(db, endpoint, "gone")
        return
    counted = [answer for round, answer in answers if round == endpoint.breaker_round]
    health = domain.breathe(endpoint.failures, counted)
    await db.execute(queries.REST, {"id": endpoint_id, "failures": health.failures, "pause": health.pause})


async def _is_failing(db: AsyncSession, endpoint_id: UUID) -> bool:
    failures = select(col(WebhookEndpoint.failures)).where(col(WebhookEndpoint.id) == endpoint_id)
    return bool((await db.execute(failures)).scalar_one())


def disable(db: AsyncSession, endpoint: WebhookEndpoint, reason: str) -> None:
    """Stops sending; what waits goes out when it is enabled again. A second call changes nothing."""
    state = domain.ENDPOINT.step(endpoint.state, "disable")
    if state == endpoint.state:
        return
    endpoint.state, endpoint.reason, endpoint.handshake_due_at = state, reason, None
    endpoint.version += 1
    record(db, gateway.RECORD, "webhook_endpoint.disabled", endpoint_record(endpoint))
