"""The broker frozen, restarted, wiped: these tests have an engine of their own."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from deploy.laptop.engines import Engines
from shared.bus.metrics import BROKER_LOSSES, RESTARTS
from shared.bus.republish import copy_hashes, owner_hashes
from shared.bus.topics import ensure_topics
from shared.ids import new_id
from tests.integration.bus.world import World, a_world


@pytest.fixture(scope="module")
def own_engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    folder: Path = tmp_path_factory.mktemp("engines")
    engines = Engines(folder / "data", durable=False).start()
    yield engines
    engines.discard()


@pytest.fixture
async def alone(own_engines: Engines) -> AsyncIterator[World]:
    """A world on engines that this test may kill."""
    async with a_world(own_engines.postgres_admin_url, own_engines.kafka_bootstrap) as made:
        yield made


async def assert_nothing_lost_nothing_twice(world: World) -> None:
    """Accepted = outbox = applied set, copies equal to their owner."""
    told = await world.fetch("SELECT key, seq FROM outbox WHERE topic = :topic", topic=world.facts.name)
    applied = await world.applied()
    assert sorted(applied) == sorted((row.key, row.seq) for row in told)
    async with world.db.transaction() as db:
        assert await copy_hashes(db, [world.copies()]) == await owner_hashes(db, world.snapshots)


async def changes(world: World, seconds: float) -> None:
    """Things change and facts are noted, whatever the broker does."""
    keys = [(new_id(), new_id()) for _ in range(5)]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for thing, fact in keys:
            await world.change(thing)
            await world.note(fact)
        await asyncio.sleep(0.01)


async def all_applied(world: World, seconds: float = 45) -> None:
    await world.until(
        "SELECT (SELECT count(*) FROM applied) >= (SELECT count(*) FROM outbox WHERE topic = :topic)"
        " AND NOT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)"
        " AND NOT EXISTS (SELECT FROM republish_requests WHERE phase <> 'finished')"
        " AND (SELECT sum(seq) FROM thing_copies WHERE payload IS NOT NULL) = (SELECT sum(version) FROM things)",
        seconds=seconds,
        topic=world.facts.name,
    )


@pytest.mark.promise("EB3")
async def test_a_frozen_broker_resumes_within_ten_seconds(alone: World, own_engines: Engines) -> None:
    """Idempotent sends of aiokafka wait for ever; a round has a deadline and a fresh producer."""
    async with alone.relaying(), alone.consuming(alone.effects(), alone.copies()):
        await changes(alone, 0.3)
        await all_applied(alone)
        os.kill(own_engines.kafka.pid, signal.SIGSTOP)
        try:
            await changes(alone, 5)
        finally:
            os.kill(own_engines.kafka.pid, signal.SIGCONT)
        await all_applied(alone, seconds=10)
    await assert_nothing_lost_nothing_twice(alone)


@pytest.mark.promise("EB9")
async def test_all_flows_again_after_the_broker_was_killed(alone: World, own_engines: Engines) -> None:
    async with alone.relaying(), alone.consuming(alone.effects(), alone.copies()):
        await changes(alone, 0.3)
        writing = asyncio.create_task(changes(alone, 1.5))
        await asyncio.sleep(0.3)
        own_engines.kafka.kill()
        await asyncio.to_thread(own_engines.kafka.start)
        await writing
        await all_applied(alone, seconds=45)
    await assert_nothing_lost_nothing_twice(alone)


@pytest.mark.promise("EB9")
async def test_a_stuck_consumer_is_begun_again(alone: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in aiokafka's issue 1154: the first consumer never gets a record again, and says nothing."""
    silent: list[AIOKafkaConsumer] = []
    getmany = AIOKafkaConsumer.getmany

    async def quiet(self: AIOKafkaConsumer, *args: Any, **options: Any) -> Any:
        if not silent:
            silent.append(self)
        if self in silent:
            await asyncio.sleep(0.2)
            return {}
        return await getmany(self, *args, **options)

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", quiet)
    alone.consumer_pace = replace(alone.consumer_pace, stuck=1.0)
    restarts = RESTARTS.labels(f"{alone.name}.effects")._value
    before = restarts.get()
    await alone.note(new_id())
    async with alone.relaying(), alone.consuming(alone.effects()):
        await alone.until("SELECT count(*) FROM applied", 1)
    assert restarts.get() == before + 1


@pytest.mark.promise("EB8")
@pytest.mark.parametrize("same_name", [False, True], ids=["another cluster", "the same cluster id"])
async def test_a_wiped_broker_gets_everything_again(alone: World, own_engines: Engines, same_name: bool) -> None:
    """Noticed by the cluster's id, or by partitions that are shorter than what was acknowledged; nobody asks for it."""
    losses = BROKER_LOSSES._value.get()
    async with alone.relaying():
        async with alone.consuming(alone.effects(), alone.copies()):
            await changes(alone, 0.5)
            await alone.change(erased := new_id())
            await alone.erase(erased)
            await all_applied(alone)
        await changes(alone, 0.3)  # published, and lost before anybody read it
        await alone.published()
        async with alone.consuming(alone.effects(), alone.copies()):
            cluster_id = await alone.value("SELECT max(cluster_id) FROM broker_state")
            own_engines.kafka.kill()
            own_engines.kafka.wipe()
            await asyncio.to_thread(own_engines.kafka.start, cluster_id if same_name else None)
            await ensure_topics(alone.bootstrap, [alone.states, alone.facts])
            await changes(alone, 0.5)
            await alone.until("SELECT count(*) FROM republish_requests", 1)
            await all_applied(alone)
    assert BROKER_LOSSES._value.get() == losses + 1
    await assert_nothing_lost_nothing_twice(alone)
    assert await alone.value("SELECT payload IS NULL FROM thing_copies WHERE key = :key", key=erased)


@pytest.mark.promise("EB8")
async def test_a_late_joiner_starts_from_the_state_topics(alone: World) -> None:
    """Everything was published long ago; a new service reads from the beginning."""
    async with alone.relaying():
        await changes(alone, 0.3)
        await alone.published()
        await alone.execute("DELETE FROM outbox")
    async with alone.consuming(alone.copies()):
        await all_applied(alone, seconds=10)
    async with alone.db.transaction() as db:
        assert await copy_hashes(db, [alone.copies()]) == await owner_hashes(db, alone.snapshots)
