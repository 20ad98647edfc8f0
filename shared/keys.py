"""Data keys: one per (subject, data class), in a small database of their own, so that a destroyed key stays destroyed.

A data key is 32 random bytes, stored only wrapped (AES-256-GCM) by a key derived from a versioned master key.
Destroying it leaves a tombstone that no later call fills again; every copy of what it sealed, also in backups, is then
unreadable.

**Rotation of the master key**: add ``2:…`` beside ``1:…`` and restart (version 2 wraps, both unwrap); call ``rewrap``
until it answers 0. Version 1 must stay while look-up hashes are made from it (see ``shared.privacy.Vault``). What the
database may still hold of a destroyed key (dead tuples, write-ahead log, backups) is wrapped by the version of its time
and falls with that version.
"""

import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.problems import Gone
from shared.settings import decode_key

CACHE_SECONDS = 30.0
"""A destroyed key must be gone everywhere within 60 s; another process forgets it after at most this."""
CACHED_KEYS = 20_000


class DataClass(StrEnum):
    """Why a field is kept, and so for how long (rules.md §7)."""

    IDENTITY = "identity"
    VOLUNTEER_RECORD = "volunteer_record"
    TRADE = "trade"
    EMERGENCY = "emergency"
    AUDIT = "audit"

    @property
    def kept_years(self) -> int | None:
        """Years that the field must be kept at least; None: destroyed as soon as its purpose or emergency ends.

        ``volunteer_record`` GB/T 40143-2021; ``trade`` E-commerce Law; ``audit`` PIPL 56; ``emergency`` Emergency
        Response Law 85; ``identity`` PIPL 47.
        """
        return {"volunteer_record": 10, "trade": 3, "audit": 3}.get(self.value)


Owner = tuple[UUID, DataClass]

DDL = """
CREATE TABLE IF NOT EXISTS data_keys (
    subject uuid NOT NULL,
    data_class text NOT NULL,
    wrapped bytea,
    master_version integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    PRIMARY KEY (subject, data_class),
    CONSTRAINT destroyed_means_gone CHECK (num_nulls(wrapped, master_version) = 2 * num_nonnulls(destroyed_at))
) WITH (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0);
CREATE INDEX IF NOT EXISTS data_keys_by_master ON data_keys (master_version) WHERE destroyed_at IS NULL;
"""
"""The keys database. Dead tuples are vacuumed at the next round: they may hold a key that was destroyed."""

_MAKE = """
WITH wanted AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS one (subject, data_class, wrapped)
), made AS (
    INSERT INTO data_keys (subject, data_class, wrapped, master_version)
    SELECT subject, data_class, wrapped, $4 FROM wanted ORDER BY subject, data_class
    ON CONFLICT (subject, data_class) DO NOTHING
    RETURNING subject, data_class, wrapped, master_version
)
SELECT * FROM made
UNION ALL
SELECT subject, data_class, stored.wrapped, stored.master_version
FROM data_keys AS stored JOIN wanted USING (subject, data_class)
"""
_READ = """
SELECT subject, data_class, wrapped, master_version
FROM data_keys JOIN unnest($1::uuid[], $2::text[]) AS one (subject, data_class) USING (subject, data_class)
"""
_DESTROY = """
INSERT INTO data_keys (subject, data_class, destroyed_at)
SELECT DISTINCT subject, data_class, now() FROM unnest($1::uuid[], $2::text[]) AS one (subject, data_class)
ORDER BY subject, data_class
ON CONFLICT (subject, data_class) DO UPDATE SET wrapped = NULL, master_version = NULL, destroyed_at = now()
WHERE data_keys.destroyed_at IS NULL
"""
_OLD = """
SELECT subject, data_class, wrapped, master_version FROM data_keys
WHERE destroyed_at IS NULL AND master_version < $1 ORDER BY master_version LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_REWRAP = """
UPDATE data_keys AS stored SET wrapped = fresh.wrapped, master_version = $4
FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS fresh (subject, data_class, wrapped)
WHERE stored.subject = fresh.subject AND stored.data_class = fresh.data_class
"""


class KeyDestroyed(Gone):
    """Something was to be sealed for a subject and class whose key has been destroyed: it can be kept no more."""

    def __init__(self) -> None:
        super().__init__(
            (
                "相关个人信息已按规定销毁, 不能再保存。",
                "The personal data was erased; nothing may be kept for it again.",
            )
        )


class MasterKeyMissing(ValueError):
    """A data key is wrapped by a master version that the settings do not hold (any more)."""

    code = "master_key_missing"


async def install(connection: "asyncpg.Connection[Any]") -> None:
    """Creates the table of data keys where it is missing; may run many times and side by side."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('linli.data_keys'))")
        await connection.execute(DDL)


class MasterKeys:
    """The versioned master keys of one service. They encrypt nothing themselves; keys are derived from them."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self._wrapping = {version: AESGCM(_derive(key, b"wrap")) for version, key in keys.items()}
        self._keys = dict(keys)
        self.newest = max(keys)

    @classmethod
    def parse(cls, text: str) -> Self:
        """``1:<base64 of 32 bytes>[,2:…]``. Raises ValueError, without the secret, for any other form."""
        keys: dict[int, bytes] = {}
        for part in text.split(","):
            version, colon, encoded = part.strip().partition(":")
            if not colon or not version.isascii() or not version.isdecimal() or int(version) in keys:
                raise ValueError("master_keys: wanted is 1:<base64>[,2:<base64>…], each version once")
            keys[int(version)] = decode_key(f"master_keys, version {version}", encoded)
        return cls(keys)

    def wrap(self, owner: Owner, data_key: bytes) -> bytes:
        """The data key under the newest master key, bound to its owner: a 12-byte nonce, then ciphertext and tag."""
        nonce = os.urandom(12)
        return nonce + self._wrapping[self.newest].encrypt(nonce, data_key, _bound(owner))

    def unwrap(self, owner: Owner, version: int, wrapped: bytes) -> bytes:
        """Raises MasterKeyMissing, or cryptography's InvalidTag when the row was tampered with."""
        if version not in self._wrapping:
            raise MasterKeyMissing(f"master_keys: version {version} is still in use; put it back")
        return self._wrapping[version].decrypt(wrapped[:12], wrapped[12:], _bound(owner))

    def lookup_key(self, version: int, purpose: str) -> bytes:
        """The key for keyed hashes of one purpose. Raises MasterKeyMissing."""
        if version not in self._keys:
            raise MasterKeyMissing(f"master_keys: version {version} is wanted for look-ups; put it back")
        return _derive(self._keys[version], b"lookup " + purpose.encode())


class KeyRing:
    """The data keys of one service, with a bounded cache that forgets within CACHE_SECONDS."""

    def __init__(
        self, pool: "asyncpg.Pool[Any]", masters: MasterKeys, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.masters = masters
        self._pool = pool
        self._clock = clock
        self._cache: dict[Owner, tuple[bytes, float]] = {}

    @classmethod
    async def open(cls, dsn: str, master_keys: str) -> Self:
        """Connects to the keys database (``postgresql://`` URL). Raises ValueError for bad master keys."""
        masters = MasterKeys.parse(master_keys)
        pool = await asyncpg.create_pool(dsn, min_size=1, max_size=4, timeout=5, command_timeout=10)
        return cls(pool, masters)

    async def close(self) -> None:
        self._cache.clear()
        await self._pool.close()

    async def open_many(self, owners: Collection[Owner]) -> dict[Owner, bytes]:
        """The data keys that exist; an owner whose key is missing or destroyed is left out."""
        found = self._cached(owners)
        if missing := set(owners) - found.keys():
            asked = self._clock()
            found |= self._learn(await self._pool.fetch(_READ, *_columns(missing)), asked)
        return found

    async def make_many(self, owners: Collection[Owner]) -> dict[Owner, bytes]:
        """A data key for every owner, made where there is none. Raises KeyDestroyed when one has been destroyed."""
        found = self._cached(owners)
        if missing := set(owners) - found.keys():
            asked = self._clock()
            subjects, classes = _columns(missing)
            wrapped = [self.masters.wrap(owner, os.urandom(32)) for owner in sorted(missing)]
            found |= self._learn(await self._pool.fetch(_MAKE, subjects, classes, wrapped, self.masters.newest), asked)
            # A key that another process committed while the statement ran is visible only to the next one.
            found |= await self.open_many(missing - found.keys())
            if missing - found.keys():
                raise KeyDestroyed
        return found

    async def destroy(self, subject: UUID, data_class: DataClass) -> None:
        """Destroys one key for good, also when it was never made. A second call changes nothing."""
        await self.destroy_many([(subject, data_class)])

    async def destroy_many(self, owners: Collection[Owner]) -> None:
        """Destroys many keys in one statement; this process forgets them now, others within CACHE_SECONDS."""
        await self._pool.execute(_DESTROY, *_columns(owners))
        for owner in owners:
            self._cache.pop(owner, None)

    async def rewrap(self, limit: int = 1000) -> int:
        """Wraps up to ``limit`` keys of older master versions with the newest; returns how many. Repeat until 0."""
        async with self._pool.acquire() as connection, connection.transaction():
            rows = sorted(await connection.fetch(_OLD, self.masters.newest, limit), key=_owner)
            owners = [_owner(row) for row in rows]
            fresh = [
                self.masters.wrap(owner, self.masters.unwrap(owner, row["master_version"], row["wrapped"]))
                for owner, row in zip(owners, rows, strict=True)
            ]
            await connection.execute(_REWRAP, *_columns(owners), fresh, self.masters.newest)
        return len(rows)

    def _cached(self, owners: Iterable[Owner]) -> dict[Owner, bytes]:
        now = self._clock()
        entries = ((owner, self._cache.get(owner)) for owner in owners)
        return {owner: entry[0] for owner, entry in entries if entry and entry[1] > now}

    def _learn(self, rows: Iterable[Mapping[str, Any]], asked: float) -> dict[Owner, bytes]:
        """The live keys among the rows; cached, counted from when they were asked for; the oldest make room."""
        live = {
            owner: self.masters.unwrap(owner, row["master_version"], row["wrapped"])
            for owner, row in ((_owner(row), row) for row in rows)
            if row["wrapped"] is not None
        }
        for owner, key in live.items():
            self._cache.pop(owner, None)
            self._cache[owner] = (key, asked + CACHE_SECONDS)
        while len(self._cache) > CACHED_KEYS:
            del self._cache[next(iter(self._cache))]
        return live


def _derive(master: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"linli " + purpose).derive(master)


def _bound(owner: Owner) -> bytes:
    return owner[0].bytes + owner[1].value.encode()


def _owner(row: Mapping[str, Any]) -> Owner:
    return UUID(bytes=row["subject"].bytes), DataClass(row["data_class"])


def _columns(owners: Collection[Owner]) -> tuple[list[UUID], list[str]]:
    """Subjects and classes side by side, in one order, so that concurrent statements never lock crosswise."""
    ordered = sorted(owners)
    return [subject for subject, _ in ordered], [data_class.value for _, data_class in ordered]
