"""Asking a receiver whether it wants our webhooks, before the first goes out (CloudEvents HTTP web hooks, section 4).

``OPTIONS`` with ``WebHook-Request-Origin``; the answer's ``WebHook-Allowed-Origin`` must name us or be ``*``.
Without it the endpoint stays pending: asked again on a schedule, then left alone until somebody enables it anew.
"""

import asyncio
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway.loops import keep_doing
from services.gateway.settings import GatewaySettings
from services.gateway.webhooks.client import WebhookClient
from services.gateway.webhooks.domain import ENDPOINT, HANDSHAKE_SCHEDULE, consents
from services.gateway.webhooks.messages import endpoint_record
from services.gateway.webhooks.sender import client_of
from services.gateway.webhooks.tables import WebhookEndpoint
from shared.bus.outbox import record
from shared.contracts import gateway
from shared.database import locked
from shared.service import Resources

POLL_SECONDS = 0.3

# Taken and put off in one statement: a worker that dies meanwhile has only delayed the handshake.
TAKE = text("""
UPDATE webhook_endpoints SET handshake_attempts = handshake_attempts + 1,
  handshake_due_at = now() + make_interval(secs => (CAST(:schedule AS float8[]))[
    least(handshake_attempts + 1, cardinality(CAST(:schedule AS float8[])))])
WHERE id IN (SELECT id FROM webhook_endpoints WHERE handshake_due_at <= now()
  ORDER BY handshake_due_at LIMIT 10 FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id, url, version
""")


@dataclass(frozen=True)
class Asked:
    """One receiver's answer to the question."""

    id: UUID
    version: int
    agreed: bool
    error: str | None


async def shake_hands(resources: Resources) -> None:
    """The worker's loop."""
    settings = cast(GatewaySettings, resources.settings)
    async with client_of(settings) as client:
        origin = origin_of(settings)
        await keep_doing("shake_hands", lambda: shake_due(resources, client, origin), POLL_SECONDS)


def origin_of(settings: GatewaySettings) -> str:
    """Who asks: the host of the gateway's public address."""
    return urlsplit(settings.public_url).netloc


async def shake_due(resources: Resources, client: WebhookClient, origin: str) -> int:
    """Asks every receiver that is due; returns how many."""
    async with resources.db.transaction() as db:
        due = (await db.execute(TAKE, {"schedule": list(HANDSHAKE_SCHEDULE)})).all()
    answers = await asyncio.gather(*(_ask(client, row.id, row.version, row.url, origin) for row in due))
    for answer in answers:
        async with resources.db.transaction() as db:
            await _note(db, answer)
    return len(due)


async def _ask(client: WebhookClient, id: UUID, version: int, url: str, origin: str) -> Asked:
    answer, allowed = await client.ask_consent(url, origin)
    if answer.error is None and consents(allowed, origin):
        return Asked(id, version, True, None)
    return Asked(id, version, False, answer.error or "not_allowed")


async def _note(db: AsyncSession, asked: Asked) -> None:
    endpoint = await locked(db, WebhookEndpoint, asked.id)
    if endpoint.version != asked.version or endpoint.state != "pending":
        return  # changed meanwhile; the new question is due by itself
    endpoint.handshake_error = asked.error
    if asked.agreed:
        open_endpoint(db, endpoint)
    elif endpoint.handshake_attempts > len(HANDSHAKE_SCHEDULE):
        endpoint.handshake_due_at = None


def open_endpoint(db: AsyncSession, endpoint: WebhookEndpoint) -> None:
    """The receiver has agreed: from now on it hears."""
    endpoint.state = ENDPOINT.step(endpoint.state, "agree")
    endpoint.reason = endpoint.handshake_due_at = endpoint.paused_until = None
    endpoint.failures, endpoint.breaker_round = 0, endpoint.breaker_round + 1
    endpoint.version += 1
    record(db, gateway.RECORD, "webhook_endpoint.enabled", endpoint_record(endpoint))
