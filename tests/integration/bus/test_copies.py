"""Copies of state topics: equal to their owner whatever came twice, late or not at all."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from shared.bus import parking
from shared.bus.copies import copy_hash, copy_into
from shared.bus.republish import copy_hashes, owner_hashes, request_republish
from shared.bus.subscription import Subscription
from shared.contracts.base import Contract, Event, identity
from shared.ids import new_id
from tests.integration.bus.world import ThingV1, World


async def assert_equal_to_owner(world: World) -> None:
    async with world.db.transaction() as db:
        assert await copy_hashes(db, [world.copies()]) == await owner_hashes(db, world.snapshots)


def event(world: World, key: UUID, seq: int, event_type: str = "thing.changed", value: int | None = None) -> Event:
    payload = ThingV1(id=key, version=seq, area="42.01", value=seq if value is None else value)
    moment = datetime(2020, 2, 17, tzinfo=UTC)
    body = payload.to_json().decode()
    return Event(new_id(), event_type, world.states.name, key, seq, moment, moment, None, None, payload, body)


async def test_a_copy_follows_its_owner(world: World) -> None:
    keys = [new_id() for _ in range(20)]
    async with world.relaying(), world.consuming(world.copies()):
        for key in keys * 3:
            await world.change(key)
        await world.erase(keys[0])
        await world.until("SELECT count(*) FROM thing_copies WHERE seq = 3 AND payload IS NOT NULL", 19)
        await world.until("SELECT payload IS NULL FROM thing_copies WHERE key = :key", key=keys[0])
    assert await world.value("SELECT count(*) FROM thing_copies WHERE area = '42.01' AND value = 3") == 19
    assert await world.value("SELECT area IS NULL FROM thing_copies WHERE key = :key", key=keys[0])


async def test_older_events_change_nothing_and_a_newer_snapshot_of_the_same_version_does(world: World) -> None:
    """Also within one batch, and after a tombstone."""
    handler, key = copy_into("thing_copies"), new_id()

    async def come(*events: Event) -> tuple[int, int | None]:
        async with world.db.transaction() as db:
            await handler(db, events)
        ((seq, value),) = await world.fetch("SELECT seq, value FROM thing_copies")
        return seq, value

    assert await come(event(world, key, 2), event(world, key, 3), event(world, key, 1)) == (3, 3)
    assert await come(event(world, key, 2)) == (3, 3)
    assert await come(event(world, key, 3, value=30)) == (3, 3)
    assert await come(event(world, key, 3, "thing.snapshot", value=33)) == (3, 33)
    assert await come(event(world, key, 3, value=3)) == (3, 33)
    gone = Event(**{**event(world, key, 4, "thing.erased").__dict__, "payload": None, "body": None})
    assert await come(gone) == (4, None)
    assert await come(event(world, key, 3)) == (4, None)


@pytest.mark.promise("EB8")
async def test_a_truncated_copy_is_built_again(world: World) -> None:
    """By hand: the table is emptied, the owner asked to send everything; snapshots have no effects."""
    keys = [new_id() for _ in range(50)]
    for key in keys:
        await world.change(key)
    noted = Subscription(world.states, "effect", world.effects().handler)
    async with world.relaying(), world.consuming(world.copies(), noted):
        await world.until("SELECT count(*) FROM thing_copies", 50)
        await world.until("SELECT count(*) FROM applied", 50)
        await world.execute("TRUNCATE thing_copies")
        await world.execute("DELETE FROM outbox")  # older than its thirty days: only snapshots can bring it back
        async with world.db.transaction() as db:
            await request_republish(db, "a copy was truncated")
        await world.until("SELECT count(*) FROM thing_copies", 50)
        await world.until("SELECT count(*) FROM republish_requests WHERE phase = 'finished'", 1)
        await world.change(keys[0])
        await world.until("SELECT count(*) FROM applied", 51)
        await world.until("SELECT max(seq) FROM thing_copies", 2)  # effects and copies are read apart
        await assert_equal_to_owner(world)


class ChangesMeanwhile(World):
    """Every thing changes once more after its state was read for a snapshot, and before the snapshot is written."""

    async def _things(self, db: AsyncSession) -> AsyncIterator[Contract]:
        for state in [state async for state in super()._things(db)]:
            await self.change(identity(state).id)
            yield state


async def test_a_snapshot_is_never_the_last_word_over_a_newer_state(world: World) -> None:
    """What compaction would keep for each key is its newest state."""
    busy = ChangesMeanwhile(world.name, world.url, world.bootstrap, world.db)
    keys = [new_id() for _ in range(10)]
    for key in keys:
        await world.change(key)
    async with busy.relaying():
        async with world.db.transaction() as db:
            await request_republish(db, "test")
        await world.until("SELECT count(*) FROM republish_requests WHERE phase = 'finished'", 1)
        await world.published()
    records = await world.records(world.states)
    assert sum(dict(record.headers)["ce_type"] == b"thing.snapshot" for record in records) == len(keys)
    last = {record.key: int(dict(record.headers)["ce_sequence"]) for record in records}
    assert last == {str(key).encode(): 2 for key in keys}


async def test_a_tombstone_passes_a_parked_key(world: World) -> None:
    """Erasure must not wait for somebody to fix an older event."""
    key = new_id()
    await world.change(key)
    await world.execute("UPDATE outbox SET payload = payload - 'value'")
    async with world.relaying(), world.consuming(world.copies()):
        await world.until("SELECT count(*) FROM parked_events", 1)
        await world.erase(key)
        await world.until("SELECT count(*) FROM thing_copies WHERE payload IS NULL", 1)
    async with world.db.transaction() as db:
        assert await parking.listing(db) == []
    assert await world.value("SELECT body IS NULL FROM parked_events")


async def test_the_hash_tells_a_copy_that_differs(world: World) -> None:
    await world.change(new_id())
    async with world.relaying(), world.consuming(world.copies()):
        await world.until("SELECT count(*) FROM thing_copies", 1)
    async with world.db.transaction() as db:
        before = await copy_hash(db, "thing_copies")
    await world.execute("UPDATE thing_copies SET payload = jsonb_set(payload, '{value}', '2')")
    async with world.db.transaction() as db:
        assert await copy_hash(db, "thing_copies") != before
