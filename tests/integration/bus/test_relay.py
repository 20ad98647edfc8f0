"""What the relay promises: nothing is skipped, nothing stalls, order per key holds, a dead round is sent again."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.bus.context import carried_on
from shared.bus.outbox import INSERT_ARRAYS, arrays, record_many
from shared.bus.republish import request_republish
from shared.database import Database, make_engine
from shared.ids import new_id
from tests.engines import SharedEngines
from tests.integration.bus.world import ThingV1, World


@pytest.mark.promise("EB1")
async def test_a_transaction_that_commits_late_is_not_skipped(world: World) -> None:
    """The trap of ``id > last``: a lower id becomes visible after a higher one was sent."""
    late, early = new_id(), new_id()
    async with world.relaying():
        async with world.db.transaction() as slow:
            await world.change_in(slow, late, world.facts, "fact.noted")
            await slow.flush()
            await world.change(early)
            await world.published()
        await world.published()
    assert [record.key for record in await world.records(world.facts)] == [str(late).encode()]


@pytest.mark.promise("EB1")
async def test_a_long_transaction_in_another_database_stalls_nothing(world: World, engines: SharedEngines) -> None:
    """A horizon by ``pg_snapshot_xmin`` would wait for it."""
    other = await asyncpg.connect(engines.postgres_admin_url)
    transaction = other.transaction()
    await transaction.start()
    try:
        await other.fetchval("SELECT pg_current_xact_id()")
        async with world.relaying():
            await world.note(new_id())
            await world.published()
    finally:
        await transaction.rollback()
        await other.close()


@pytest.mark.promise("EB1")
async def test_the_relay_reads_unpublished_rows_through_indexes_alone(world: World) -> None:
    """On a fresh daily partition a cached plan once turned into a full scan."""
    from shared.bus.relay import _TAKE, _session

    async with _session(world.db.engine) as connection:
        plan = "\n".join(row[0] for row in await connection.fetch("EXPLAIN " + _TAKE.replace("$1", "500")))
    assert "Seq Scan" not in plan
    assert "->  Sort" not in plan


@pytest.mark.promise("EB5")
async def test_events_of_one_key_keep_their_order(world: World) -> None:
    """Writers race for few keys; the broker gets each key's versions as 1, 2, 3, …"""
    keys = [new_id() for _ in range(5)]

    async def write(number: int) -> None:
        for turn in range(20):
            await world.note(keys[(number + turn) % len(keys)])

    async with world.relaying():
        await asyncio.gather(*(write(number) for number in range(5)))
        await world.published()
    seen: dict[bytes, list[int]] = defaultdict(list)
    for record in await world.records(world.facts):
        seen[record.key].append(int(dict(record.headers)["ce_sequence"]))
    assert {key: sorted(versions) for key, versions in seen.items()} == {
        str(key).encode(): list(range(1, 21)) for key in keys
    }
    assert all(versions == sorted(versions) for versions in seen.values())


async def test_bulk_and_hand_written_rows_are_relayed_like_others(world: World) -> None:
    """``record_many`` through SQLAlchemy, ``INSERT_ARRAYS`` through asyncpg: same events, same correlation."""
    things = [ThingV1(id=new_id(), version=1, area=None, value=n) for n in range(10)]
    with carried_on("request-7", None):
        async with world.db.transaction() as db:
            await record_many(db, world.facts, "fact.noted", things[:5])
        connection = await asyncpg.connect(world.url)
        await connection.execute(
            INSERT_ARRAYS, world.facts.name, "fact.noted", *arrays(world.facts, "fact.noted", things[5:])
        )
        await connection.close()
    async with world.relaying():
        await world.published()
    records = await world.records(world.facts)
    assert {UUID(record.key.decode()) for record in records} == {thing.id for thing in things}
    assert {dict(record.headers)["ce_correlationid"] for record in records} == {b"request-7"}


@pytest.mark.promise("EB3")
async def test_a_round_that_nobody_acknowledges_is_sent_again_by_a_fresh_producer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An idempotent producer of aiokafka may wait without end; a round has a deadline."""
    send_batch = AIOKafkaProducer.send_batch
    mute: list[AIOKafkaProducer] = []

    async def swallow(self: AIOKafkaProducer, *args: Any, **options: Any) -> Any:
        if not mute:
            mute.append(self)
        return asyncio.Future() if self in mute else await send_batch(self, *args, **options)

    monkeypatch.setattr(AIOKafkaProducer, "send_batch", swallow)
    world.relay_pace = replace(world.relay_pace, deadline=0.5)
    await world.note(new_id(), 3)
    async with world.relaying():
        await world.published()
    assert len(await world.records(world.facts)) == 3


@pytest.mark.promise("EB1")
async def test_the_workers_role_suffices(world: World) -> None:
    """It owns nothing: partitions are made and dropped by a function with the owner's rights."""
    await world.note(new_id())
    role, password = f"{world.name}_worker", "of a test"
    async with worker_of(world, role, password) as worker:
        async with worker.relaying(), worker.consuming(worker.effects(), worker.copies()):
            await worker.until("SELECT count(*) FROM applied", 1)
            async with worker.db.transaction() as db:
                await request_republish(db, "test")
            await worker.until("SELECT count(*) FROM republish_requests WHERE phase = 'finished'", 1)
        await worker.fetch("SELECT bus_maintain()")
        with pytest.raises(DBAPIError, match="must be owner"):
            await worker.execute("DROP TABLE inbox_default")


@asynccontextmanager
async def worker_of(world: World, role: str, password: str) -> AsyncIterator[World]:
    """The same world, as a role with the grants that provisioning gives a worker."""
    owner = await asyncpg.connect(world.url)
    await owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
    await owner.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
    await owner.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
    url = urlsplit(world.url)
    place = f"{role}:{quote(password)}@{url.hostname}:{url.port}"
    worker = World(world.name, world.url, world.bootstrap, Database(make_engine(url._replace(netloc=place).geturl())))
    try:
        yield worker
    finally:
        await worker.db.close()
        await owner.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
        await owner.close()


async def test_only_one_relay_sends(world: World) -> None:
    """A second worker waits for the lock, and takes over when the first is gone."""
    async with world.relaying():
        await world.note(new_id(), 5)
        await world.published()
        async with world.relaying():
            await world.note(new_id(), 5)
            await world.published()
    assert len(await world.records(world.facts)) == 10


async def test_a_tombstone_has_headers_and_no_value(world: World) -> None:
    key = new_id()
    await world.change(key)
    await world.erase(key)
    async with world.relaying():
        await world.published()
    state, tombstone = await world.records(world.states)
    assert state.value is not None
    assert tombstone.value is None
    assert dict(tombstone.headers)["ce_type"] == b"thing.erased"


async def test_maintenance_drops_old_partitions_that_are_published(world: World) -> None:
    """Thirty-one days ago: one day published, one not; the worker's role needs no rights on the tables for it."""
    for days in (31, 32):
        await world.fetch(
            "SELECT bus_attach('outbox', to_char(day, '\"outbox_\"YYYYMMDD'),"
            " day || ' 00:00+00', day + 1 || ' 00:00+00')"
            " FROM (SELECT current_date - CAST(:days AS integer)) AS given (day)",
            days=days,
        )
        async with world.db.transaction() as db:
            await db.execute(
                text(
                    "INSERT INTO outbox (event_id, topic, key, seq, type, recorded_at, published_at) SELECT"
                    " gen_random_uuid(), 't', gen_random_uuid(), 1, 't', now() - make_interval(days => :days),"
                    " CASE WHEN CAST(:days AS integer) = 31 THEN now() END"
                ),
                {"days": days},
            )
    await world.fetch("SELECT bus_maintain()")
    assert await world.value("SELECT count(*) FROM outbox") == 1
    days_ahead = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'outbox'::regclass"
    assert await world.value(days_ahead) == 1 + 8 + 1  # default, today and a week, the unpublished one
