"""State and event leave together: an outbox row in the transaction of the change.

Columns that a writer fills (a hand-written statement of the order intake may insert them itself):

- ``event_id uuid``: UUIDv7, the event's id for ever; claims in inboxes hang on it
- ``topic text``, ``type text``: as the contracts name them
- ``key uuid``, ``seq bigint``: the aggregate and its version after the change, written under its row lock
- ``payload jsonb``: the payload's JSON (``Contract.to_json``), ``id`` = key, ``version`` = seq; NULL is a tombstone
- ``headers jsonb``: ``{"correlationid": …, "traceparent": …}``, both optional
- ``occurred_at timestamptz``: NULL when it is the moment of recording

``id`` (a sequence: the order of sending), ``recorded_at`` (``now()``) and ``published_at`` are not the writer's.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import DateTime, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import UserDefinedType

from shared.bus.context import correlation_id, traceparent
from shared.contracts.base import Contract, Topic, identity
from shared.ids import new_id


class _Json(UserDefinedType[str]):
    """A jsonb column that takes JSON text as it is."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "JSONB"


class _BusRow(DeclarativeBase):
    """A metadata of its own: the table stands in every service's database."""


class OutboxRow(_BusRow):
    """Only what a writer fills; the mapper's key is not the table's."""

    __tablename__ = "outbox"
    __mapper_args__ = {"eager_defaults": False}

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    topic: Mapped[str]
    key: Mapped[UUID]
    seq: Mapped[int]
    type: Mapped[str]
    payload: Mapped[str | None] = mapped_column(_Json)
    headers: Mapped[str] = mapped_column(_Json)
    occurred_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


def record(
    db: AsyncSession, topic: Topic, event_type: str, payload: Contract, *, occurred_at: datetime | None = None
) -> UUID:
    """Adds the event to the caller's transaction; returns its id.

    Raises ValueError for a type that the topic does not list, TypeError for another topic's payload.
    """
    _check(topic, event_type, payload)
    named = identity(payload)
    row = OutboxRow(
        event_id=new_id(),
        topic=topic.name,
        key=named.id,
        seq=named.version,
        type=event_type,
        payload=payload.to_json().decode(),
        headers=_headers(),
        occurred_at=occurred_at,
    )
    db.add(row)
    return row.event_id


def record_erased(db: AsyncSession, topic: Topic, key: UUID, seq: int) -> UUID:
    """Adds the tombstone of an aggregate of a state topic; ``seq`` is greater than every version before.

    Raises ValueError for an event topic.
    """
    if topic.kind != "state":
        raise ValueError(f"{topic.name} is no state topic and has no tombstones")
    row = OutboxRow(
        event_id=new_id(), topic=topic.name, key=key, seq=seq, type=topic.erased_type, payload=None, headers=_headers()
    )
    db.add(row)
    return row.event_id


class Arrays(NamedTuple):
    """Many events as columns, for ``unnest``: uuid[], uuid[], bigint[], and text[] of JSON for payload and headers."""

    event_ids: list[UUID]
    keys: list[UUID]
    seqs: list[int]
    payloads: list[str]
    headers: list[str]


INSERT_ARRAYS = """
INSERT INTO outbox (topic, type, event_id, key, seq, payload, headers)
SELECT $1::text, $2::text, * FROM unnest($3::uuid[], $4::uuid[], $5::bigint[], $6::text[]::jsonb[], $7::text[]::jsonb[])
"""
"""For asyncpg: ``await connection.execute(INSERT_ARRAYS, topic.name, event_type, *arrays(…))``."""

_INSERT_ARRAYS = text(
    "INSERT INTO outbox (topic, type, event_id, key, seq, payload, headers) SELECT CAST(:topic AS text),"
    " CAST(:type AS text), * FROM unnest(CAST(:event_ids AS uuid[]), CAST(:keys AS uuid[]), CAST(:seqs AS bigint[]),"
    " CAST(CAST(:payloads AS text[]) AS jsonb[]), CAST(CAST(:headers AS text[]) AS jsonb[]))"
)


def arrays(topic: Topic, event_type: str, payloads: Sequence[Contract]) -> Arrays:
    """The events of one type as columns, in the order given. Raises as ``record`` does."""
    for payload in payloads:
        _check(topic, event_type, payload)
    return columns_of(payloads)


def columns_of(payloads: Sequence[Contract]) -> Arrays:
    """The columns alone, unchecked; for snapshots, whose type no topic lists."""
    named = [identity(payload) for payload in payloads]
    return Arrays(
        event_ids=[new_id() for _ in payloads],
        keys=[one.id for one in named],
        seqs=[one.version for one in named],
        payloads=[payload.to_json().decode() for payload in payloads],
        headers=[_headers()] * len(payloads),
    )


async def record_many(db: AsyncSession, topic: Topic, event_type: str, payloads: Sequence[Contract]) -> list[UUID]:
    """Adds many events of one type in one statement; returns their ids. Raises as ``record`` does."""
    if not payloads:
        return []
    columns = arrays(topic, event_type, payloads)
    await db.execute(_INSERT_ARRAYS, {"topic": topic.name, "type": event_type, **columns._asdict()})
    return columns.event_ids


def _check(topic: Topic, event_type: str, payload: Contract) -> None:
    if event_type not in topic.types:
        raise ValueError(f"{topic.name} does not list {event_type}")
    if not isinstance(payload, topic.payload):
        raise TypeError(f"{topic.name} carries {topic.payload.__name__}, not {type(payload).__name__}")


def _headers() -> str:
    carried = {"correlationid": correlation_id.get(), "traceparent": traceparent.get()}
    return orjson.dumps({name: value for name, value in carried.items() if value}).decode()
