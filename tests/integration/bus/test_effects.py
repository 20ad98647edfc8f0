"""What consumers of effects promise: once, in order, and a poison event stops nothing but its key."""

import asyncio
from collections import defaultdict
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from shared.bus import parking
from shared.bus.consumer import EffectHandler, run_consumer
from shared.bus.context import carried_on, correlation_id
from shared.bus.kafka import producing
from shared.bus.parking import NotParked
from shared.contracts.base import Event
from shared.ids import new_id
from tests.integration.bus.world import ThingV1, World, apply_once


@pytest.mark.promise("EB4")
async def test_what_comes_ten_times_happens_once(world: World) -> None:
    """Everything is sent ten times over, in batches that hold the same event several times."""
    keys = [new_id() for _ in range(5)]
    for key in keys:
        await world.note(key, 4)
    async with world.relaying():
        for turn in range(10):
            await world.until("SELECT count(*) FROM outbox WHERE published_at IS NULL", 0)
            await world.execute("UPDATE outbox SET published_at = NULL WHERE CAST(:turn AS integer) < 9", turn=turn)
        await world.published()
        async with world.consuming(world.effects()):
            await world.until("SELECT count(*) FROM applied", 20)
            await world.execute("UPDATE outbox SET published_at = NULL")
            await world.published()
            await world.note(last := new_id())
            await world.until("SELECT count(*) FROM applied WHERE key = :key", 1, key=last)
    assert len(await world.records(world.facts)) >= 220
    assert len(set(await world.applied())) == len(await world.applied()) == 21


@pytest.mark.promise("EB4")
async def test_a_handler_that_fails_leaves_no_claim(world: World) -> None:
    """A claim without its effect would be a lost event: both are one transaction."""

    async def half(db: AsyncSession, event: Event) -> None:
        await apply_once(db, event)
        raise RuntimeError("after the effect")

    await world.note(new_id())
    async with world.relaying(), world.consuming(world.effects(half)):
        await world.until("SELECT count(*) FROM parked_events", 1)
    assert await world.applied() == []
    assert await world.value("SELECT count(*) FROM inbox") == 0


@pytest.mark.promise("EB2")
async def test_what_was_being_applied_when_the_worker_stopped_is_applied_by_the_next(world: World) -> None:
    """Offsets are committed last."""
    begun = asyncio.Event()

    async def slow(db: AsyncSession, event: Event) -> None:
        await apply_once(db, event)
        begun.set()
        await asyncio.sleep(60)

    await world.note(new_id(), 3)
    async with world.relaying():
        async with world.consuming(world.effects(slow)):
            await begun.wait()
            await asyncio.sleep(0.5)
        assert await world.applied() == []
        async with world.consuming(world.effects()):
            await world.until("SELECT count(*) FROM applied", 3)


@pytest.mark.promise("EB5")
async def test_effects_of_one_key_keep_their_order(world: World) -> None:
    """Two workers share the partitions, and one of them leaves in the middle."""
    keys = [new_id() for _ in range(6)]

    async def write() -> None:
        for _ in range(30):
            await asyncio.gather(*(world.note(key) for key in keys))

    async with world.relaying(), world.consuming(world.effects()):
        async with world.consuming(world.effects()):
            writing = asyncio.create_task(write())
            await world.until("SELECT count(*) > 40 FROM applied")
        await writing
        await world.until("SELECT count(*) FROM applied", 180)
    seen = defaultdict(list)
    for key, seq in await world.applied():
        seen[key].append(seq)
    assert dict(seen) == {key: list(range(1, 31)) for key in keys}


def refusing(poison: set[UUID]) -> EffectHandler:
    async def handler(db: AsyncSession, event: Event) -> None:
        if event.id in poison or event.key in poison:
            await db.execute(text("SELECT 1 / 0"))
        await apply_once(db, event)

    return handler


@pytest.mark.promise("EB6")
async def test_one_bad_event_in_a_hundred_parks_its_key_alone(world: World) -> None:
    """Ten keys of a hundred events each, one of them bad from its first event on."""
    keys = [new_id() for _ in range(10)]
    for key in keys[1:]:
        await world.note(key)
    await world.note(keys[0])
    for key in keys:
        await world.note(key, 9)
    async with world.relaying(), world.consuming(world.effects(refusing({keys[0]}))):
        await world.until("SELECT count(*) FROM parked_events", 10)
        await world.until("SELECT count(*) FROM applied", 90)
        await world.note(keys[0])
        await world.note(other := new_id())
        await world.until("SELECT count(*) FROM applied WHERE key = :key", 1, key=other)
        await world.until("SELECT count(*) FROM parked_events", 11)
    assert {key for key, _ in await world.applied()} == {*keys[1:], other}
    async with world.db.transaction() as db:
        first, *later = await parking.listing(db)
    assert (first.key, first.topic, first.attempts) == (keys[0], world.facts.name, 2)
    assert first.offset >= 0
    assert "22012" in first.error  # division_by_zero
    assert {one.error for one in later} == {"waits for an earlier event of its key"}


POISONS = {
    "bad JSON": (b"{", {}),
    "no payload": (None, {}),
    "unknown version": (b"{}", {"ce_dataschema": b"/schemas/another.v2"}),
    "unknown specversion": (b"{}", {"ce_specversion": b"9.9"}),
    "2 MB": (b'{"id": "' + b"x" * 2_000_000 + b'"}', {}),
    "no headers": (b"{}", None),
}


@pytest.mark.promise("EB6")
async def test_what_cannot_be_read_is_parked_and_stops_nobody(world: World) -> None:
    """A record of each kind of poison, straight into the topic, then a good event."""
    sound = {
        "ce_id": str(new_id()).encode(),
        "ce_specversion": b"1.0",
        "ce_type": b"fact.noted",
        "ce_source": b"/t/fact/1",
        "ce_time": b"2020-02-17T10:00:00Z",
        "ce_recordedtime": b"2020-02-17T10:00:00.000Z",
        "ce_dataschema": f"/schemas/{world.facts.name}".encode(),
        "ce_sequence": b"00000000000000000001",
    }
    async with producing(world.bootstrap) as producer:
        for value, changed in POISONS.values():
            headers = {} if changed is None else sound | {"ce_id": str(new_id()).encode()} | changed
            await producer.send_and_wait(
                world.facts.name, value, key=str(new_id()).encode(), headers=list(headers.items())
            )
    await world.note(good := new_id())
    async with world.relaying(), world.consuming(world.effects()):
        await world.until("SELECT count(*) FROM applied WHERE key = :key", 1, key=good)
        await world.until("SELECT count(*) FROM parked_events", len(POISONS))


async def test_a_type_that_this_version_does_not_know_is_skipped(world: World) -> None:
    """Additive evolution: a newer producer adds a type; that is no poison."""
    newer = type(world.facts)(world.facts.name, "event", ThingV1, ("fact.noted", "fact.invented"))
    await world.change(new_id(), newer, "fact.invented")
    await world.note(known := new_id())
    async with world.relaying(), world.consuming(world.effects()):
        await world.until("SELECT count(*) FROM applied", 1)
        await world.published()
    assert await world.applied() == [(known, 1)]
    assert await world.value("SELECT count(*) FROM parked_events") == 0


@pytest.mark.promise("EB7")
async def test_a_parked_key_is_replayed_in_order_and_flows_again(world: World) -> None:
    """Fixed by a deployment: asked for twice, done once; then the key is free."""
    key = new_id()
    await world.note(key, 3)
    async with world.relaying():
        async with world.consuming(world.effects(refusing({key}))):
            await world.until("SELECT count(*) FROM parked_events", 3)
        async with world.consuming(world.effects()):
            async with world.db.transaction() as db:
                first, *_ = await parking.listing(db)
                await parking.request_replay(db, first.id, "wang", "handler fixed")
                await parking.request_replay(db, first.id, "wang")
            await world.until("SELECT count(*) FROM applied", 3)
            await world.until("SELECT count(*) FROM parked_events WHERE state = 'parked'", 0)
            async with world.db.transaction() as db:
                await parking.request_replay(db, first.id, "li")
            await world.note(key)
            await world.until("SELECT count(*) FROM applied", 4)
    assert await world.applied() == [(key, seq) for seq in (1, 2, 3, 4)]
    acts = await world.fetch("SELECT action, actor FROM parked_actions WHERE parked_id = :id ORDER BY id", id=first.id)
    assert [tuple(act) for act in acts] == [
        ("request_replay", "wang"),
        ("request_replay", "wang"),
        ("replay", "worker"),
    ]


@pytest.mark.promise("EB7")
async def test_a_replay_that_fails_again_stays_parked(world: World) -> None:
    key = new_id()
    await world.note(key, 2)
    async with world.relaying(), world.consuming(world.effects(refusing({key}))):
        await world.until("SELECT count(*) FROM parked_events", 2)
        async with world.db.transaction() as db:
            first, second = await parking.listing(db)
            await parking.request_replay(db, second.id, "wang")
        await world.until("SELECT attempts FROM parked_events WHERE id = :id", first.attempts + 1, id=first.id)
    assert await world.applied() == []
    assert await world.value("SELECT count(*) FROM parked_events WHERE replay_requested_at IS NOT NULL") == 0


@pytest.mark.promise("EB7")
async def test_a_payload_is_fixed_and_replayed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event keeps its id, so that its effect still happens once."""
    monkeypatch.setattr(parking, "topics_by_name", lambda: {world.facts.name: world.facts})
    key = new_id()
    await world.note(key)
    await world.execute("UPDATE outbox SET payload = payload - 'value'")
    async with world.relaying(), world.consuming(world.effects()):
        await world.until("SELECT count(*) FROM parked_events", 1)
        async with world.db.transaction() as db:
            (parked,) = await parking.listing(db)
            await parking.fix(db, parked.id, {"id": str(key), "version": 1, "area": None, "value": 7}, "wang")
            await parking.request_replay(db, parked.id, "wang")
        await world.until("SELECT count(*) FROM applied", 1)
    assert await world.value("SELECT event_id FROM applied") == await world.value("SELECT event_id FROM outbox")


@pytest.mark.promise("EB7")
async def test_a_discarded_event_lets_those_behind_it_pass_and_stays_discarded(world: World) -> None:
    key = new_id()
    await world.note(key, 3)
    first_id = await world.value("SELECT event_id FROM outbox ORDER BY id LIMIT 1")
    async with world.relaying(), world.consuming(world.effects(refusing({first_id}))):
        await world.until("SELECT count(*) FROM parked_events", 3)
        async with world.db.transaction() as db:
            first, *_ = await parking.listing(db)
            await parking.discard(db, first.id, "wang", "test data")
            await parking.discard(db, first.id, "wang")
        await world.until("SELECT count(*) FROM applied", 2)
        await world.execute("UPDATE outbox SET published_at = NULL")
        await world.note(key)
        await world.until("SELECT count(*) FROM applied", 3)
    assert await world.applied() == [(key, seq) for seq in (2, 3, 4)]
    assert await world.value("SELECT count(*) FROM parked_events WHERE state = 'parked'") == 0
    with pytest.raises(NotParked):
        async with world.db.transaction() as db:
            await parking.request_replay(db, first.id, "wang")


async def test_erasing_empties_what_is_parked(world: World) -> None:
    """PD5: parked bodies go too, and nothing of the key is tried again."""
    key = new_id()
    await world.note(key, 2)
    async with world.relaying(), world.consuming(world.effects(refusing({key}))):
        await world.until("SELECT count(*) FROM parked_events", 2)
        async with world.db.transaction() as db:
            assert await parking.erase(db, [key], "erasure") == 2
    assert await world.value("SELECT count(*) FROM parked_events WHERE body IS NOT NULL OR state = 'parked'") == 0


async def test_when_too_much_is_parked_the_consumer_stands_still(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounded: the events stay in Kafka until somebody has looked."""
    monkeypatch.setattr(parking, "LIMIT", 2)
    key = new_id()
    await world.note(key, 4)
    async with world.relaying():
        with capture_logs() as logs:
            async with world.consuming(world.effects(refusing({key}))), asyncio.timeout(20):
                while not any(line["event"] == "parking_full" for line in logs):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        assert await world.value("SELECT count(*) FROM parked_events") == 0
        monkeypatch.setattr(parking, "LIMIT", 100)
        async with world.consuming(world.effects(refusing({key}))):
            await world.until("SELECT count(*) FROM parked_events", 4)


async def test_deadlocks_and_lost_connections_are_tried_again_not_parked(world: World) -> None:
    """The handler's own backend is killed at the first two tries."""
    tries = 0

    async def unlucky(db: AsyncSession, event: Event) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            await db.execute(text("DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40P01'; END $$"))
        if tries == 2:
            await db.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        await apply_once(db, event)

    await world.note(key := new_id())
    async with world.relaying(), world.consuming(world.effects(unlucky)):
        await world.until("SELECT count(*) FROM applied", 1)
    assert await world.applied() == [(key, 1)]
    assert await world.value("SELECT count(*) FROM parked_events") == 0


async def test_the_correlation_id_goes_from_request_to_effect(world: World) -> None:
    seen = []

    async def handler(db: AsyncSession, event: Event) -> None:
        seen.append((event.correlation_id, correlation_id.get(), event.traceparent))
        await apply_once(db, event)

    with carried_on("request-9", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"):
        await world.note(new_id())
    async with world.relaying(), world.consuming(world.effects(handler)):
        await world.until("SELECT count(*) FROM applied", 1)
    assert seen == [("request-9", "request-9", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]


async def test_a_bug_of_the_bus_is_loud(world: World) -> None:
    """A consumer whose tables are missing ends with an error instead of parking the world."""
    await world.execute("ALTER TABLE parked_events RENAME TO gone")
    await world.note(new_id())
    work = run_consumer(world.name, "effect", [world.effects()], world.db, world.bootstrap)
    async with world.relaying():
        with pytest.raises(BaseExceptionGroup):
            await asyncio.wait_for(work, 10)
