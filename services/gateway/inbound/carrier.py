"""The loop that carries kept messages to their owners and writes down what became of them.

The owner gets the message's id as Idempotency-Key, so that a message carried twice (a worker that died) acts once.
"""

import asyncio
from dataclasses import dataclass
from typing import cast
from uuid import UUID

import orjson
from prometheus_client import Counter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway.identity.keys import signing_key
from services.gateway.inbound import domain, owners, payloads
from services.gateway.inbound.messages import message_record
from services.gateway.inbound.tables import InboundMessage, InboundSource
from services.gateway.inbound.use_cases import FIELD, kept_as
from services.gateway.loops import keep_doing
from services.gateway.settings import GatewaySettings
from services.gateway.upstream import call
from shared.auth import sign_token
from shared.bus.context import carried_on
from shared.bus.outbox import record
from shared.contracts import gateway
from shared.database import fetched, locked, transaction_time
from shared.problems import Problem
from shared.service import Resources

POLL_SECONDS = 0.2
AT_ONCE = 8
LEASE_SECONDS = 30
TOKEN_SECONDS = 60
CARRIED = Counter("linli_inbound_messages_total", "Incoming messages by outcome", ["type", "outcome"])

TAKE = text("""
UPDATE inbound_messages SET leased_until = now() + make_interval(secs => :lease), attempts = attempts + 1
WHERE id IN (
  SELECT id FROM inbound_messages WHERE state = 'received' AND next_attempt_at <= now()
    AND (leased_until IS NULL OR leased_until <= now())
  ORDER BY next_attempt_at, id LIMIT :most FOR UPDATE SKIP LOCKED)
RETURNING id
""")


@dataclass(frozen=True)
class Taken:
    """A message under lease, with its sender."""

    message: InboundMessage
    source: InboundSource


async def carry_messages(resources: Resources) -> None:
    """The worker's loop."""
    await keep_doing("carry_messages", lambda: carry_due(resources), POLL_SECONDS)


async def carry_due(resources: Resources) -> int:
    """Carries what is due, some side by side; returns how many."""
    async with resources.db.transaction() as db:
        rows = await db.execute(TAKE, {"lease": LEASE_SECONDS, "most": AT_ONCE})
        taken = [await _with_source(db, id) for id in rows.scalars()]
    await asyncio.gather(*(_carry(resources, one) for one in taken))
    return len(taken)


async def _with_source(db: AsyncSession, message_id: UUID) -> Taken:
    message = await fetched(db, InboundMessage, message_id)
    return Taken(message, await fetched(db, InboundSource, message.source_id))


async def _carry(resources: Resources, taken: Taken) -> None:
    with carried_on(taken.message.request_id, None):
        outcome = await _ask_owner(resources, taken)
        CARRIED.labels(taken.message.type, outcome.state).inc()
        async with resources.db.transaction() as db:
            message = await locked(db, InboundMessage, taken.message.id)
            if message.state == "received" and message.attempts == taken.message.attempts:
                await note(db, message, outcome)


async def _ask_owner(resources: Resources, taken: Taken) -> domain.Outcome:
    message = taken.message
    body = await resources.vault.open(message.sealed, message.id, kept_as(taken.source.kind), FIELD)
    if body is None:
        return domain.Outcome("rejected", problem={"code": "gone"})
    asked = owners.CALLS[message.type](message, payloads.checked(message.type, body.encode()))
    key = signing_key(cast(GatewaySettings, resources.settings))
    token = sign_token(owners.acting(taken.source, message.type), key, TOKEN_SECONDS)
    try:
        answer = await call(
            resources,
            asked.owner,
            "POST",
            asked.path,
            json=asked.body,
            key=str(message.id),
            authorization=f"Bearer {token}",
        )
    except Problem as problem:
        return domain.put_off(message.attempts, {"code": problem.code})
    try:
        parsed = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        parsed = None
    return domain.judge(answer.status_code, parsed, message.attempts, asked.collection)


async def note(db: AsyncSession, message: InboundMessage, outcome: domain.Outcome) -> None:
    """Writes the outcome on the message, and tells of it unless it is tried again."""
    message.leased_until = None
    message.problem = dict(outcome.problem) or None
    if outcome.state == "received":
        later = text("SELECT now() + make_interval(secs => :delay)")
        message.next_attempt_at = (await db.execute(later, {"delay": outcome.delay})).scalar_one()
        return
    message.state = domain.MESSAGE.step(message.state, "apply" if outcome.state == "applied" else "reject")
    message.result_url, message.finished_at = outcome.result_url, transaction_time(db)
    message.version += 1
    record(db, gateway.RECORD, f"inbound_message.{outcome.state}", message_record(message))
