"""Parked events: the one place for what a handler could not apply.

A poison event parks its key: it and every later event of that key (in that topic) wait here, in order; other keys flow.
People list them, fix a payload, ask for replay, or discard; every act is kept in ``parked_actions``. The service's
worker replays (it has the handlers and the rights): per key, in order, one transaction each, and the key flows again
when nothing of it waits. Doing any of this twice is no error.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.bus.cloudevent import schema_of
from shared.bus.message import Message
from shared.bus.metrics import PARKED, PARKED_NOW
from shared.clock import to_wire
from shared.contracts.base import topics_by_name

LIMIT = 10_000
"""Per consumer. Beyond it nothing more is parked: the consumer stands still, loudly, and Kafka keeps the events."""

WAITS = "waits for an earlier event of its key"
"""The error of an event that nobody has tried yet."""

log = structlog.get_logger()


class ParkingFull(Exception):
    """Too many events wait already; somebody must look."""


class NotParked(LookupError):
    """No such event is parked (any more)."""


@dataclass(frozen=True)
class Parked:
    """One parked event, without its payload. ``state``: parked, replayed or discarded."""

    id: int
    consumer: str
    topic: str
    key: UUID
    event_id: UUID
    type: str | None
    partition: int
    offset: int
    error: str
    attempts: int
    state: str
    parked_at: datetime
    replay_requested_at: datetime | None


_COLUMNS = (
    'id, consumer, topic, key, event_id, type, "partition", "offset", error, attempts, state, parked_at,'
    " replay_requested_at"
)
_HELD = text(
    "SELECT topic, key FROM parked_events WHERE consumer = :consumer AND state = 'parked'"
    " AND key = ANY(CAST(:keys AS uuid[])) FOR SHARE"
)
_PARK = text(
    'INSERT INTO parked_events (consumer, topic, "partition", "offset", key, event_id, type, record_key, headers, body,'
    " error, attempts) VALUES (:consumer, :topic, :partition, :offset, :key, :event_id, :type, :record_key,"
    " CAST(:headers AS jsonb), :body, :error, :attempts)"
    " ON CONFLICT (consumer, event_id) DO UPDATE SET error = excluded.error, state = 'parked', resolved_at = NULL,"
    " attempts = parked_events.attempts + excluded.attempts"
)


async def held_places(db: AsyncSession, consumer: str, keys: Collection[UUID]) -> set[tuple[str, UUID]]:
    """(topic, key) of these keys that are parked; waits while a replay of one of them is at work."""
    rows = await db.execute(_HELD, {"consumer": consumer, "keys": list(keys)})
    return {(row.topic, row.key) for row in rows}


async def park(db: AsyncSession, consumer: str, message: Message, error: str, attempts: int) -> None:
    """Puts the event aside, in the caller's transaction. Raises ParkingFull."""
    waiting = (
        await db.execute(
            text("SELECT count(*) FROM parked_events WHERE consumer = :consumer AND state = 'parked'"),
            {"consumer": consumer},
        )
    ).scalar_one()
    PARKED_NOW.labels(consumer).set(waiting + 1)
    if waiting >= LIMIT:
        raise ParkingFull(f"{waiting} events of {consumer} are parked")
    headers = {name: value.decode(errors="replace") for name, value in message.headers}
    await db.execute(
        _PARK,
        {
            "consumer": consumer,
            "topic": message.topic.name,
            "partition": message.partition,
            "offset": message.offset,
            "key": message.key,
            "event_id": message.event_id,
            "type": message.type,
            "record_key": message.record_key,
            "headers": orjson.dumps(headers).decode(),
            "body": message.body,
            "error": error[:2000],
            "attempts": attempts,
        },
    )
    PARKED.labels(consumer, message.topic.name).inc()
    tell = log.info if error == WAITS else log.error
    tell("event_parked", consumer=consumer, topic=message.topic.name, key=str(message.key), reason=error[:200])


async def listing(
    db: AsyncSession, *, consumer: str | None = None, state: str = "parked", after: int = 0, limit: int = 50
) -> Sequence[Parked]:
    """Oldest first; ``after`` is the last id of the page before."""
    rows = await db.execute(
        text(
            f"SELECT {_COLUMNS} FROM parked_events WHERE state = :state AND id > :after"  # noqa: S608
            " AND (CAST(:consumer AS text) IS NULL OR consumer = :consumer) ORDER BY id LIMIT :limit"
        ),
        {"consumer": consumer, "state": state, "after": after, "limit": limit},
    )
    return [Parked(**row) for row in rows.mappings()]


async def fix(db: AsyncSession, parked_id: int, payload: dict[str, Any], actor: str, note: str | None = None) -> None:
    """Replaces the payload, keeping what identifies the event. ``note`` must hold no personal data.

    Raises NotParked; pydantic's ValidationError when it is not the topic's payload.
    """
    row = await _parked(db, parked_id)
    topic = topics_by_name()[row.topic]
    body = topic.payload.model_validate_json(orjson.dumps(payload)).to_json()
    parked_at = to_wire(row.parked_at)
    headers = {"ce_source": topic.source(row.key), "ce_time": parked_at, "ce_recordedtime": parked_at} | row.headers
    headers |= {"ce_specversion": "1.0", "ce_dataschema": schema_of(topic.name), "ce_id": str(row.event_id)}
    headers |= {"ce_sequence": f"{int(payload['version']):020d}", "content-type": "application/json"}
    await db.execute(
        text(
            "UPDATE parked_events SET body = :body, headers = CAST(:headers AS jsonb), record_key = :record_key"
            " WHERE id = :id"
        ),
        {
            "id": parked_id,
            "body": body,
            "headers": orjson.dumps(headers).decode(),
            "record_key": str(payload["id"]).encode(),
        },
    )
    await _audit(db, parked_id, "fix", actor, note, row.body)


async def request_replay(db: AsyncSession, parked_id: int, actor: str, note: str | None = None) -> None:
    """Asks the worker to replay this event's key, oldest first; it does so within seconds.

    Nothing happens if it was replayed already. Raises NotParked, also for a discarded event.
    """
    row = await _parked(db, parked_id, unless="replayed")
    if row.state == "parked":
        await _release(db, row)
        await _audit(db, parked_id, "request_replay", actor, note)


async def discard(db: AsyncSession, parked_id: int, actor: str, note: str | None = None) -> None:
    """Gives the event up: it counts as applied from now on, and what waited for it is replayed.

    Nothing happens if it was discarded already. Raises NotParked, also for a replayed event.
    """
    row = await _parked(db, parked_id, unless="discarded")
    if row.state == "parked":
        await resolve(db, row, "discarded")
        await _release(db, row)
        await _audit(db, parked_id, "discard", actor, note, row.body)


async def erase(
    db: AsyncSession, keys: Collection[UUID], actor: str, *, consumer: str | None = None, topic: str | None = None
) -> int:
    """Empties the payloads of everything parked of these keys and gives it up; for erasure. Returns how many."""
    rows = (
        await db.execute(
            text(
                "SELECT * FROM parked_events WHERE key = ANY(CAST(:keys AS uuid[])) AND body IS NOT NULL"
                " AND (CAST(:consumer AS text) IS NULL OR consumer = :consumer)"
                " AND (CAST(:topic AS text) IS NULL OR topic = :topic) FOR UPDATE"
            ),
            {"keys": list(keys), "consumer": consumer, "topic": topic},
        )
    ).all()
    for row in rows:
        await db.execute(text("UPDATE parked_events SET body = NULL WHERE id = :id"), {"id": row.id})
        if row.state == "parked":
            await resolve(db, row, "discarded")
        await _audit(db, row.id, "erase", actor, None)
    return len(rows)


async def resolve(db: AsyncSession, row: Any, state: str) -> None:
    """The event of this row is done with, and stays so if it comes again: its id is claimed."""
    await db.execute(
        text("UPDATE parked_events SET state = :state, resolved_at = now(), replay_requested_at = NULL WHERE id = :id"),
        {"id": row.id, "state": state},
    )
    await db.execute(
        text("INSERT INTO inbox (consumer, event_id) VALUES (:consumer, :event_id) ON CONFLICT DO NOTHING"),
        {"consumer": row.consumer, "event_id": row.event_id},
    )


async def replayed(db: AsyncSession, row: Any) -> None:
    """The worker applied the event of this row, in this transaction."""
    await resolve(db, row, "replayed")
    await _audit(db, row.id, "replay", "worker", None, row.body)


async def _parked(db: AsyncSession, parked_id: int, unless: str = "parked") -> Any:
    row = (
        await db.execute(text("SELECT * FROM parked_events WHERE id = :id FOR UPDATE"), {"id": parked_id})
    ).one_or_none()
    if row is None or row.state not in ("parked", unless):
        raise NotParked(f"no event {parked_id} is parked")
    return row


async def _release(db: AsyncSession, row: Any) -> None:
    await db.execute(
        text(
            "UPDATE parked_events SET replay_requested_at = now()"
            " WHERE consumer = :consumer AND topic = :topic AND key = :key AND state = 'parked'"
        ),
        {"consumer": row.consumer, "topic": row.topic, "key": row.key},
    )


async def _audit(
    db: AsyncSession, parked_id: int, action: str, actor: str, note: str | None, body: bytes | None = None
) -> None:
    digest = None if body is None else hashlib.sha256(body).digest()
    await db.execute(
        text(
            "INSERT INTO parked_actions (parked_id, action, actor, note, body_sha256)"
            " VALUES (:id, :action, :actor, :note, :digest)"
        ),
        {"id": parked_id, "action": action, "actor": actor, "note": note, "digest": digest},
    )
