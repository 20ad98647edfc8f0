"""Data keys in a real PostgreSQL: made once, destroyed for good, wrapped anew."""

import asyncio
import os
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from shared.ids import new_id
from shared.keys import CACHE_SECONDS, DataClass, KeyDestroyed, KeyRing, MasterKeyMissing, MasterKeys, Owner, install
from shared.privacy import Plain, Sealed, Vault
from tests.engines import SharedEngines

MASTERS = {1: os.urandom(32), 2: os.urandom(32)}


class Clock:
    """Seconds that only the test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
async def pool(engines: SharedEngines) -> AsyncIterator["asyncpg.Pool[Any]"]:
    name = f"keys_{uuid4().hex}"
    admin = await asyncpg.connect(engines.postgres_admin_url)
    await admin.execute(f'CREATE DATABASE "{name}"')
    async with asyncpg.create_pool(urlsplit(engines.postgres_admin_url)._replace(path=f"/{name}").geturl()) as pool:
        await asyncio.gather(*[_install(pool) for _ in range(4)])
        yield pool
    await admin.execute(f'DROP DATABASE "{name}"')
    await admin.close()


async def _install(pool: "asyncpg.Pool[Any]") -> None:
    async with pool.acquire() as connection:
        await install(connection)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ring(pool: "asyncpg.Pool[Any]", clock: Clock) -> KeyRing:
    return KeyRing(pool, MasterKeys(MASTERS), clock=clock)


def owners(count: int, data_class: DataClass = DataClass.TRADE) -> list[Owner]:
    return [(new_id(), data_class) for _ in range(count)]


async def test_one_key_per_subject_and_class(ring: KeyRing) -> None:
    subject = new_id()
    made = await ring.make_many([(subject, data_class) for data_class in DataClass])
    assert len(set(made.values())) == len(DataClass)
    assert await ring.make_many(list(made)) == made
    assert await ring.open_many([*made, *owners(1)]) == made


async def test_processes_that_race_get_the_same_keys(pool: "asyncpg.Pool[Any]") -> None:
    wanted = owners(50)
    rings = [KeyRing(pool, MasterKeys(MASTERS)) for _ in range(8)]
    found = await asyncio.gather(*[ring.make_many(wanted[i:] + wanted[:i]) for i, ring in enumerate(rings)])
    assert all(keys == found[0] for keys in found)
    assert await pool.fetchval("SELECT count(*) FROM data_keys") == 50


@pytest.mark.promise("PD5")
async def test_a_destroyed_key_stays_destroyed(ring: KeyRing, pool: "asyncpg.Pool[Any]") -> None:
    vault, subject = Vault(ring), new_id()
    lost, kept = await vault.seal_many(
        [
            Plain("发热", subject, DataClass.EMERGENCY, "health"),
            Plain("王", subject, DataClass.VOLUNTEER_RECORD, "name"),
        ]
    )
    await ring.destroy(subject, DataClass.EMERGENCY)
    await ring.destroy(subject, DataClass.EMERGENCY)
    assert await vault.open(lost, subject, DataClass.EMERGENCY, "health") is None
    assert await vault.open(kept, subject, DataClass.VOLUNTEER_RECORD, "name") == "王"
    with pytest.raises(KeyDestroyed) as caught:
        await vault.seal("发热", subject, DataClass.EMERGENCY, "health")
    assert caught.value.status == 410
    row = await pool.fetchrow("SELECT * FROM data_keys WHERE data_class = 'emergency'")
    assert row is not None
    assert row["wrapped"] is None
    assert row["destroyed_at"] is not None


async def test_a_key_destroyed_before_it_was_made_is_never_made(ring: KeyRing) -> None:
    wanted = owners(3)
    await ring.destroy_many([*wanted[:2], wanted[0]])
    with pytest.raises(KeyDestroyed):
        await ring.make_many(wanted)
    assert len(await ring.open_many(wanted)) == 1


@pytest.mark.promise("PD5")
async def test_other_processes_forget_a_destroyed_key_within_a_minute(
    ring: KeyRing, pool: "asyncpg.Pool[Any]", clock: Clock
) -> None:
    wanted = owners(1)
    await ring.make_many(wanted)
    await KeyRing(pool, MasterKeys(MASTERS)).destroy_many(wanted)
    assert await ring.open_many(wanted)
    clock.seconds = CACHE_SECONDS
    assert CACHE_SECONDS <= 60
    assert await ring.open_many(wanted) == {}


async def test_the_cache_is_bounded(ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.keys.CACHED_KEYS", 10)
    wanted = owners(30)
    made = await ring.make_many(wanted)
    assert len(made) == 30
    assert len(ring._cache) == 10
    assert await ring.open_many(wanted) == made


async def test_rewrapped_keys_open_without_the_old_master(pool: "asyncpg.Pool[Any]") -> None:
    wanted = owners(7)
    made = await KeyRing(pool, MasterKeys({1: MASTERS[1]})).make_many(wanted)
    ring = KeyRing(pool, MasterKeys(MASTERS))
    await ring.destroy(*wanted[0])
    assert [await ring.rewrap(limit=4) for _ in range(3)] == [4, 2, 0]
    later = KeyRing(pool, MasterKeys({2: MASTERS[2]}))
    assert await later.open_many(wanted) == {owner: made[owner] for owner in wanted[1:]}


async def test_a_missing_master_is_named(pool: "asyncpg.Pool[Any]") -> None:
    wanted = owners(1)
    await KeyRing(pool, MasterKeys(MASTERS)).make_many(wanted)
    with pytest.raises(MasterKeyMissing, match="version 2"):
        await KeyRing(pool, MasterKeys({1: MASTERS[1]})).open_many(wanted)


async def test_a_ring_opened_from_settings_seals_in_bulk(engines: SharedEngines, pool: "asyncpg.Pool[Any]") -> None:
    connection = await pool.fetchval("SELECT current_database()")
    url = urlsplit(engines.postgres_admin_url)._replace(path=f"/{connection}").geturl()
    ring = await KeyRing.open(url, f"1:{b64encode(MASTERS[1]).decode()}")
    try:
        vault = Vault(ring)
        plains = [Plain(f"139{i:08}", new_id(), DataClass.TRADE, "phone") for i in range(500)]
        sealed = await vault.seal_many(plains)
        stored = [Sealed(s, p.subject, p.data_class, p.field) for s, p in zip(sealed, plains, strict=True)]
        assert await vault.open_many(stored) == [plain.value for plain in plains]
    finally:
        await ring.close()
