"""A made-up producer and consumer on real engines: things that change, and whoever hears of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.bus import consumer, relay, schema
from shared.bus.copies import copy_into, create_copy_table
from shared.bus.outbox import record, record_erased
from shared.bus.subscription import Kind, Subscription
from shared.bus.topics import ensure_topics
from shared.contracts.base import Contract, Event, Topic
from shared.database import Database, make_engine
from shared.ids import new_id

TABLES = (
    "CREATE TABLE things (id uuid PRIMARY KEY, version integer NOT NULL)",
    "CREATE TABLE facts (id uuid PRIMARY KEY, version integer NOT NULL)",
    "CREATE TABLE applied (n bigserial, event_id uuid, topic text, key uuid, seq bigint, correlation_id text)",
)


class ThingV1(Contract):
    """The payload of both topics."""

    id: UUID
    version: int
    area: str | None
    value: int


def thing(key: UUID, version: int) -> ThingV1:
    return ThingV1(id=key, version=version, area="42.01", value=version)


class Statements:
    """Alembic's ``op``, as far as DDL helpers need it: keeps what it is given."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def execute(self, statement: str) -> None:
        self.given.append(statement)


@dataclass
class World:
    """One service ``name`` with a database of its own that hears what it tells itself."""

    name: str
    url: str
    bootstrap: str
    db: Database
    relay_pace: relay.Pace = field(
        default_factory=lambda: relay.Pace(look=0.3, settle=0.5, again=0.1, deadline=2, maintain=3600)
    )
    consumer_pace: consumer.Pace = field(default_factory=lambda: consumer.Pace(look=0.3, replay=0.2, again=0.1))

    def __post_init__(self) -> None:
        self.states = Topic(f"{self.name}.thing.v1", "state", ThingV1, ("thing.created", "thing.changed"))
        self.facts = Topic(f"{self.name}.fact.v1", "event", ThingV1, ("fact.noted",))

    @property
    def snapshots(self) -> Mapping[Topic, Callable[[AsyncSession], AsyncIterator[Contract]]]:
        return {self.states: self._things}

    async def _things(self, db: AsyncSession) -> AsyncIterator[Contract]:
        async for row in await db.stream(text("SELECT id, version FROM things")):
            yield thing(row.id, row.version)

    async def change(self, key: UUID, topic: Topic | None = None, event_type: str = "thing.changed") -> int:
        """One more version of a thing, with its event; returns the version."""
        async with self.db.transaction() as db:
            return await self.change_in(db, key, topic or self.states, event_type)

    async def change_in(self, db: AsyncSession, key: UUID, topic: Topic, event_type: str) -> int:
        table = "things" if topic.kind == "state" else "facts"
        version: int = (
            await db.execute(
                text(
                    f"INSERT INTO {table} VALUES (:id, 1) ON CONFLICT (id) DO UPDATE"
                    f" SET version = {table}.version + 1 RETURNING version"
                ),
                {"id": key},
            )
        ).scalar_one()
        record(db, topic, event_type, thing(key, version))
        return version

    async def note(self, key: UUID, times: int = 1) -> None:
        for _ in range(times):
            await self.change(key, self.facts, "fact.noted")

    async def erase(self, key: UUID) -> None:
        async with self.db.transaction() as db:
            version = (
                await db.execute(text("DELETE FROM things WHERE id = :id RETURNING version"), {"id": key})
            ).scalar_one()
            record_erased(db, self.states, key, version + 1)

    def effects(self, handler: Any = None) -> Subscription:
        return Subscription(self.facts, "effect", handler or apply_once)

    def copies(self) -> Subscription:
        return Subscription(self.states, "copy", copy_into("thing_copies"))

    @asynccontextmanager
    async def relaying(self) -> AsyncIterator[None]:
        async with running(relay.run_relay(self, self.db.engine, self.bootstrap, self.relay_pace)):
            yield

    @asynccontextmanager
    async def consuming(self, *subscriptions: Subscription) -> AsyncIterator[None]:
        async with running(*(self._consumer(kind, subscriptions) for kind in sorted({s.kind for s in subscriptions}))):
            yield

    def _consumer(self, kind: Kind, subscriptions: Sequence[Subscription]) -> Awaitable[None]:
        chosen = [one for one in subscriptions if one.kind == kind]
        return consumer.run_consumer(self.name, kind, chosen, self.db, self.bootstrap, self.consumer_pace)

    async def fetch(self, query: str, **values: Any) -> list[Any]:
        async with self.db.transaction() as db:
            return list((await db.execute(text(query), values)).all())

    async def execute(self, statement: str, **values: Any) -> None:
        async with self.db.transaction() as db:
            await db.execute(text(statement), values)

    async def value(self, query: str, **values: Any) -> Any:
        return (await self.fetch(query, **values))[0][0]

    async def until(self, query: str, wanted: Any = True, seconds: float = 20, **values: Any) -> None:
        """Waits until the query's first value is ``wanted``."""
        deadline = time.monotonic() + seconds
        while (found := await self.value(query, **values)) != wanted:
            assert time.monotonic() < deadline, f"{query}: still {found}, not {wanted}"
            await asyncio.sleep(0.03)

    async def published(self) -> None:
        await self.until("SELECT count(*) FROM outbox WHERE published_at IS NULL", 0)

    async def applied(self) -> list[tuple[UUID, int]]:
        """(key, seq) in the order in which effects happened."""
        return [(row.key, row.seq) for row in await self.fetch("SELECT key, seq FROM applied ORDER BY n")]

    async def records(self, topic: Topic) -> list[Any]:
        """Everything that the broker has of a topic."""
        probe = AIOKafkaConsumer(topic.name, bootstrap_servers=self.bootstrap, auto_offset_reset="earliest")
        await probe.start()
        try:
            ends = await probe.end_offsets(probe.assignment())
            found: list[Any] = []
            while len(found) < sum(ends.values()):
                for records in (await probe.getmany(timeout_ms=500)).values():
                    found += records
            return found
        finally:
            await probe.stop()


async def apply_once(db: AsyncSession, event: Event) -> None:
    """An effect that would show if it happened twice."""
    await db.execute(
        text(
            "INSERT INTO applied (event_id, topic, key, seq, correlation_id)"
            " VALUES (:event_id, :topic, :key, :seq, :correlation_id)"
        ),
        {
            "event_id": event.id,
            "topic": event.topic,
            "key": event.key,
            "seq": event.seq,
            "correlation_id": event.correlation_id,
        },
    )


@asynccontextmanager
async def running(*loops: Awaitable[None]) -> AsyncIterator[None]:
    """The loops run while the block does; if one fails, so does the block."""
    tasks = [asyncio.ensure_future(loop) for loop in loops]
    try:
        yield
    finally:
        failed = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in failed:
            task.result()


async def new_database(admin_url: str, name: str) -> str:
    """A database with the bus's tables; returns its URL."""
    admin = await asyncpg.connect(admin_url)
    try:
        await admin.execute(f'CREATE DATABASE "{name}"')
    finally:
        await admin.close()
    url = admin_url.rpartition("/")[0] + f"/{name}"
    op = Statements()
    schema.create(op)
    create_copy_table(op, "thing_copies", generated={"area": "text", "value": "integer"})
    connection = await asyncpg.connect(url)
    try:
        for statement in (*op.given, *TABLES):
            await connection.execute(statement)
    finally:
        await connection.close()
    return url


async def drop_database(admin_url: str, name: str) -> None:
    admin = await asyncpg.connect(admin_url)
    try:
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await admin.close()


@asynccontextmanager
async def a_world(admin_url: str, bootstrap: str) -> AsyncIterator[World]:
    """A world with its database and topics, gone afterwards."""
    name = f"t{new_id().hex}"
    url = await new_database(admin_url, name)
    world = World(name, url, bootstrap, Database(make_engine(url)))
    try:
        await ensure_topics(bootstrap, [world.states, world.facts])
        yield world
    finally:
        await world.db.close()
        await drop_database(admin_url, name)
