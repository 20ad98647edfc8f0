"""From an event to its deliveries, and sending some of them again."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.gateway.feed.tables import FeedEvent
from services.gateway.loops import keep_doing
from services.gateway.webhooks import queries
from services.gateway.webhooks.catalogue import PING
from services.gateway.webhooks.domain import ENDPOINT
from services.gateway.webhooks.messages import concern_of, ping_body, thin
from services.gateway.webhooks.tables import WebhookDelivery, WebhookEndpoint
from services.gateway.webhooks.use_cases import COLLECTION, checked_types
from shared.auth import Principal
from shared.bus.context import correlation_id
from shared.contracts import gateway
from shared.contracts.base import Event
from shared.database import fetched, locked, transaction_time
from shared.ids import new_id
from shared.jobs.rows import Job, finish
from shared.problems import invalid
from shared.service import Resources

REPLAY_KIND = "webhooks.replay"
REPLAY_STEP = 2_000
POLL_SECONDS = 0.5


async def tell_outsiders(db: AsyncSession, event: Event) -> None:
    """The effect of every event that may be told: its feed row, and a delivery for each endpoint that it concerns.

    Runs in the transaction that claims the event in the inbox (WO1).
    """
    if event.payload is None:
        return
    concern = concern_of(event.payload)
    await db.execute(
        queries.TELL,
        {
            "id": event.id,
            "topic": event.topic,
            "type": event.type,
            "entity_id": event.key,
            "seq": event.seq,
            "area": concern.area,
            "areas": concern.areas,
            "organization_ids": concern.organization_ids,
            "recorded_at": event.recorded_at,
            "body": thin(event, concern.area).decode(),
        },
    )


async def ping(db: AsyncSession, who: Principal, endpoint_id: UUID) -> WebhookDelivery:
    """Sends the endpoint an event about itself. Raises TransitionNotAllowed unless it is enabled."""
    endpoint = await _open_endpoint(db, who, endpoint_id, "ping")
    event_id, now = new_id(), transaction_time(db)
    db.add(
        FeedEvent(
            id=event_id,
            topic=gateway.RECORD.name,
            type=PING,
            entity_id=endpoint.id,
            seq=endpoint.version,
            area=endpoint.area,
            areas=[endpoint.area] if endpoint.area else [],
            organization_ids=[endpoint.organization_id] if endpoint.organization_id else [],
            recorded_at=now,
            body=ping_body(event_id, endpoint, now, correlation_id.get()).decode(),
        )
    )
    return await _queue(db, endpoint.id, event_id, PING, (endpoint.id, endpoint.version), replay_id=None)


async def replay_delivery(db: AsyncSession, who: Principal, delivery_id: UUID) -> WebhookDelivery:
    """Sends one event to its endpoint again, as a delivery of its own with the same webhook-id."""
    old = await fetched(db, WebhookDelivery, delivery_id)
    await _open_endpoint(db, who, old.endpoint_id, "replay")
    return await _queue(db, old.endpoint_id, old.event_id, old.event_type, (old.entity_id, old.seq), replay_id=new_id())


async def _open_endpoint(db: AsyncSession, who: Principal, endpoint_id: UUID, verb: str) -> WebhookEndpoint:
    endpoint = await locked(db, WebhookEndpoint, endpoint_id)
    who.must(f"{COLLECTION}.{verb}", on=endpoint.area, organization=endpoint.organization_id)
    ENDPOINT.step(endpoint.state, verb)
    return endpoint


async def _queue(
    db: AsyncSession,
    endpoint_id: UUID,
    event_id: UUID,
    event_type: str,
    entity: tuple[UUID, int],
    replay_id: UUID | None,
) -> WebhookDelivery:
    delivery = WebhookDelivery(
        id=new_id(),
        endpoint_id=endpoint_id,
        event_id=event_id,
        replay_id=replay_id,
        event_type=event_type,
        entity_id=entity[0],
        seq=entity[1],
    )
    db.add(delivery)
    await db.flush()
    await db.refresh(delivery)
    return delivery


async def replay_endpoint(
    db: AsyncSession, who: Principal, endpoint_id: UUID, from_at: datetime, before_at: datetime | None, types: list[str]
) -> Job:
    """Queues everything of a span of time (by ``recorded_at``) again, however much it is; the worker works it off."""
    endpoint = await _open_endpoint(db, who, endpoint_id, "replay")
    now = transaction_time(db)
    before = min(before_at or now, now)
    if from_at >= before:
        raise invalid("/from_at", "too_late", "须早于 before_at 与现在。", "It must be before before_at and now.")
    parameters: dict[str, Any] = {
        "endpoint_id": str(endpoint.id),
        "from_at": from_at.isoformat(),
        "before_at": before.isoformat(),
        "event_types": checked_types(types),
        "reached": 0,
    }
    job = Job(
        id=new_id(),
        kind=REPLAY_KIND,
        area=endpoint.area or "",
        created_by=who.id,
        parameters=parameters,
        created_at=now,
    )
    db.add(job)
    return job


async def run_replays(resources: Resources) -> None:
    """The worker's loop over replays; one step per transaction, so that a huge replay stops nobody."""

    async def step() -> int:
        async with resources.db.transaction() as db:
            return await replay_step(db)

    await keep_doing("run_replays", step, POLL_SECONDS)


async def replay_step(db: AsyncSession) -> bool:
    """Queues the next deliveries of the oldest replay; False when there is none."""
    waiting = (
        select(Job)
        .where(col(Job.kind) == REPLAY_KIND, col(Job.state).in_(("queued", "running")))
        .order_by(col(Job.id))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if (job := (await db.execute(waiting)).scalar_one_or_none()) is None:
        return False
    wish = job.parameters
    values = {
        "endpoint_id": UUID(wish["endpoint_id"]),
        "replay_id": job.id,
        "from_at": datetime.fromisoformat(wish["from_at"]),
        "before_at": datetime.fromisoformat(wish["before_at"]),
        "event_types": wish["event_types"],
        "reached": wish["reached"],
        "most": REPLAY_STEP,
        "ping": PING,
    }
    step = (await db.execute(queries.REPLAY, values)).one()
    job.state, job.done = "running", job.done + step.done
    if step.done:
        job.parameters = wish | {"reached": step.reached}
    if step.done < REPLAY_STEP:
        job.total, job.parameters = job.done, job.parameters | {"counts": {"queued": job.done}}
        finish(db, gateway.RECORD, job, "succeeded")
    return True
