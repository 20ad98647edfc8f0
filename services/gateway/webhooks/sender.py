"""The loop that sends: claims what is due, sends it, writes what became of it; in turns of one transaction each.

A turn writes the results of the last one and claims the next, so that one commit carries both. A worker that dies
leaves leases behind, which run out; its deliveries are sent again with the same id (at least once).
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import structlog
from prometheus_client import Counter as Metric
from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway.settings import GatewaySettings
from services.gateway.signing.domain import signed_headers
from services.gateway.signing.use_cases import live_secrets
from services.gateway.webhooks import domain, queries
from services.gateway.webhooks.client import WebhookClient
from services.gateway.webhooks.egress import Egress
from services.gateway.webhooks.health import note_answers
from shared.bus.errors import passes
from shared.clock import now
from shared.ids import new_id
from shared.service import Resources

POLL_SECONDS = 0.15
GATHER_SECONDS = 0.005
LEASE_MARGIN = 15.0
SKIPPED_AT_MOST = 20
SENT = Metric("linli_webhook_attempts_total", "Webhook attempts by outcome", ["outcome"])
log = structlog.get_logger()


@dataclass(frozen=True)
class Claimed:
    """A delivery that this worker holds the lease of."""

    id: UUID
    endpoint_id: UUID
    event_id: UUID
    attempts: int
    url: str
    breaker_round: int
    body: str
    lost: list[UUID] | None


@dataclass(frozen=True)
class Attempt:
    """What came of one claimed delivery."""

    claimed: Claimed
    answer: domain.Answer
    verdict: domain.Verdict
    started_at: datetime


class Sender:
    """One worker's sender; ``lease`` is its name for as long as the process lives."""

    def __init__(self, resources: Resources, client: WebhookClient, chance: random.Random | None = None) -> None:
        self._resources, self._client = resources, client
        self._settings = cast(GatewaySettings, resources.settings).webhooks
        self._chance = chance or random.Random()
        self._lease = new_id()
        self._under_way: dict[asyncio.Task[Attempt], Claimed] = {}
        self._unwritten: list[Attempt] = []

    async def run(self) -> None:
        """Sends until cancelled; a database that is away for a while is waited for."""
        try:
            while True:
                try:
                    await self.turn()
                except Exception as error:
                    if not passes(error):
                        raise
                    log.warning("webhook_sender_waits", error=type(error).__name__)
                    await asyncio.sleep(1)
                await self._gather()
        finally:
            for task in self._under_way:
                task.cancel()

    async def turn(self) -> int:
        """One transaction; returns how many deliveries were claimed."""
        done, self._unwritten = self._unwritten, []
        try:
            async with self._resources.db.transaction() as db:
                await self._settle(db, done)
                claimed = await self._claim(db)
                secrets = await live_secrets(db, self._resources.vault, {one.endpoint_id for one in claimed})
        except BaseException:
            self._unwritten = done + self._unwritten
            raise
        for one in claimed:
            task = asyncio.create_task(self._send(one, secrets.get(one.endpoint_id, [])))
            self._under_way[task] = one
        return len(claimed)

    async def _gather(self) -> None:
        """Waits for results, or for the next poll; a short moment more lets results come together."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(GATHER_SECONDS)
        else:
            await asyncio.sleep(POLL_SECONDS)
        for task in [task for task in self._under_way if task.done()]:
            del self._under_way[task]
            self._unwritten.append(task.result())

    async def _claim(self, db: AsyncSession) -> list[Claimed]:
        most = self._settings.concurrency - len(self._under_way)
        if most <= 0 or not (await db.execute(queries.CLAIM_LOCK)).scalar_one():
            return []
        busy = Counter(one.endpoint_id for one in self._under_way.values())
        rows = await db.execute(
            queries.CLAIM,
            {
                "opens_after": domain.BREAKER_OPENS_AFTER,
                "each": self._settings.concurrency_per_endpoint,
                "busy_ids": list(busy),
                "busy_counts": list(busy.values()),
                "most": most,
                "lease": self._lease,
                "lease_seconds": self._settings.deadline + LEASE_MARGIN,
            },
        )
        return [Claimed(**row._mapping) for row in rows]

    async def _send(self, one: Claimed, secrets: list[str]) -> Attempt:
        started_at = now()
        body = one.body.encode()
        headers = signed_headers(secrets, str(one.event_id), int(started_at.timestamp()), body)
        headers["linli-attempt"] = str(one.attempts + 1)
        if one.lost:
            headers["linli-skipped"] = ",".join(map(str, one.lost[-SKIPPED_AT_MOST:]))
        answer = await self._client.post(one.url, body, headers)
        SENT.labels(answer.error or "delivered").inc()
        verdict = domain.judge(answer, one.attempts + 1, self._chance.random(), self._settings.schedule)
        return Attempt(one, answer, verdict, started_at)

    async def _settle(self, db: AsyncSession, done: list[Attempt]) -> None:
        if not done:
            return
        await db.execute(queries.SETTLE, _columns(done) | {"lease": self._lease})
        by_endpoint: dict[UUID, list[Attempt]] = {}
        for attempt in done:
            by_endpoint.setdefault(attempt.claimed.endpoint_id, []).append(attempt)
        for endpoint_id in sorted(by_endpoint):
            answers = [(one.claimed.breaker_round, one.answer) for one in by_endpoint[endpoint_id]]
            await note_answers(db, endpoint_id, answers)


def _columns(done: list[Attempt]) -> dict[str, Any]:
    return {
        "ids": [one.claimed.id for one in done],
        "states": [one.verdict.state for one in done],
        "attempts": [one.claimed.attempts + 1 for one in done],
        "delays": [one.verdict.delay for one in done],
        "statuses": [one.answer.status for one in done],
        "errors": [one.answer.error for one in done],
        "starts": [one.started_at for one in done],
        "durations": [one.answer.duration_ms for one in done],
    }


async def send_webhooks(resources: Resources) -> None:
    """The worker's loop."""
    settings = cast(GatewaySettings, resources.settings)
    async with client_of(settings) as client:
        await Sender(resources, client).run()


def client_of(settings: GatewaySettings) -> WebhookClient:
    """The hardened client with the settings' limits."""
    webhooks = settings.webhooks
    egress = Egress(settings.webhook_networks)
    return WebhookClient(egress, deadline=webhooks.deadline, connections=webhooks.concurrency + 8)
