"""Joins concurrent callers into one transaction, so that they share one commit.

While a batch is at the database, callers gather; the next batch takes all that wait, at most 128. One batch is in
flight at a time: two in flight were measured to be no faster. Each caller is answered after the commit of its own
order. Who comes when the queue is full is refused at once; waiting longer would help nobody.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import structlog

from services.orders.intake.batch import Outcome, place_orders
from services.orders.intake.judge import Intent, OnceKey, PlacedOrder
from services.orders.settings import OrdersSettings
from shared.idempotency import key_in_flight, key_reused
from shared.ids import new_id
from shared.problems import Problem, Unavailable
from shared.service import Resources

log = structlog.get_logger()
BATCH = 128
QUEUE = 512
ATTEMPTS = 3

Waiting = tuple[Intent, "asyncio.Future[Outcome]"]


def busy() -> Unavailable:
    return Unavailable(
        ("下单人数过多, 请稍候用同一个键重试。", "Too many orders at this moment; repeat with the same key."),
        headers={"Retry-After": "1"},
    )


class Batcher:
    """``await batcher.submit(intent)``: the outcome, once it is committed. Raises the Problem that refuses it."""

    def __init__(self, pool: "asyncpg.Pool") -> None:
        self._pool = pool
        self._waiting: deque[Waiting] = deque()
        self._keys: set[OnceKey] = set()
        self._draining: asyncio.Task[None] | None = None

    async def submit(self, intent: Intent) -> Outcome:
        if len(self._waiting) >= QUEUE:
            raise busy()
        if intent.once is not None and intent.once in self._keys:
            raise key_in_flight()
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((intent, answer))
        if intent.once is not None:
            self._keys.add(intent.once)
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain(), name="intake")
        try:
            outcome = await answer
        finally:
            if intent.once is not None:
                self._keys.discard(intent.once)
        if isinstance(outcome, Problem):
            raise outcome
        return outcome

    async def finish(self) -> None:
        """Waits until everybody who waits is answered."""
        if self._draining is not None:
            await self._draining

    async def _drain(self) -> None:
        while self._waiting:
            batch: list[Waiting] = []
            while self._waiting and len(batch) < BATCH:
                intent, answer = self._waiting.popleft()
                if not answer.done():  # its caller has gone: nobody would hear of the order
                    batch.append((intent, answer))
            outcomes = await self._place([intent for intent, _ in batch])
            for (_, answer), outcome in zip(batch, outcomes, strict=True):
                if not answer.done():
                    answer.set_result(outcome)

    async def _place(self, intents: Sequence[Intent]) -> Sequence[Outcome]:
        try:
            return await self.place(intents)
        except asyncpg.IntegrityConstraintViolationError as error:
            log.warning("batch_one_by_one", orders=len(intents), constraint=error.constraint_name)
            return [await self._place_one(intent) for intent in intents]
        except Exception as error:
            return [_refusal(error)] * len(intents)

    async def _place_one(self, intent: Intent) -> Outcome:
        for _ in range(ATTEMPTS):
            try:
                return (await self.place([intent]))[0]
            except asyncpg.IntegrityConstraintViolationError:
                continue  # another transaction was faster; what it did is visible now
            except Exception as error:
                return _refusal(error)
        return busy()

    async def place(self, intents: Sequence[Intent]) -> Sequence[Outcome]:
        """One transaction of its own. Raises what the database raises."""
        async with self._pool.acquire(timeout=5) as connection, connection.transaction():
            return await place_orders(connection, intents)

    async def place_many(
        self, intents: Sequence[Intent], once: OnceKey, fingerprint: bytes, *, atomic: bool
    ) -> tuple[Sequence[Outcome], bool]:
        """For a list that one caller sends, beside the queue; also whether its key was used before.

        One by one where the list as a whole does not go in. Raises Problem for a key in flight or used otherwise.
        """
        try:
            async with self._pool.acquire(timeout=5) as connection, connection.transaction():
                seen = await _seen(connection, once, fingerprint)
                outcomes = await place_orders(connection, intents, atomic=atomic)
                if not seen and any(isinstance(outcome, PlacedOrder) for outcome in outcomes):
                    await connection.execute(_REMEMBER, *once, fingerprint, new_id())
                return outcomes, seen
        except asyncpg.IntegrityConstraintViolationError:
            if atomic:
                raise busy() from None
            return [await self._place_one(intent) for intent in intents], False
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise _refusal(error) from error


_LOOK = """
SELECT pg_try_advisory_xact_lock(hashtextextended($1::uuid || ' ' || $2 || ' ' || $3, 7)) AS free,
  (SELECT fingerprint FROM idempotency_keys WHERE caller = $1 AND route = $2 AND key = $3) AS fingerprint
"""
_REMEMBER = "INSERT INTO idempotency_keys (caller, route, key, fingerprint, ref) VALUES ($1, $2, $3, $4, $5)"


async def _seen(connection: "asyncpg.Connection", once: OnceKey, fingerprint: bytes) -> bool:
    row = await connection.fetchrow(_LOOK, *once)
    if not row["free"]:
        raise key_in_flight()
    if row["fingerprint"] not in (None, fingerprint):
        raise key_reused()
    return row["fingerprint"] is not None


def _refusal(error: Exception) -> Problem:
    """What a failure of the whole batch means to each of its callers: unknown outcome, same key again."""
    if isinstance(error, asyncpg.DiskFullError):
        return Problem(code="storage_full", headers={"Retry-After": "60"})
    if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError | OSError | TimeoutError):
        log.warning("batch_failed", error=type(error).__name__)
        return busy()
    log.error("batch_failed", exc_info=error)
    return Problem()


async def _as_it_is(connection: "asyncpg.Connection") -> None:
    """Nothing to reset: this pool's only user leaves connections clean, and a reset costs a round trip per batch."""


@asynccontextmanager
async def intake(resources: Resources) -> AsyncIterator[None]:
    """Opens the batcher with the API's lifespan, as ``resources.extra["intake"]``."""
    assert isinstance(resources.settings, OrdersSettings)
    pool = await asyncpg.create_pool(
        resources.settings.intake_url.get_secret_value(),
        min_size=1,
        max_size=3,
        max_inactive_connection_lifetime=0,
        max_cached_statement_lifetime=0,
        command_timeout=10,
        timeout=5,
        reset=_as_it_is,
        server_settings={"timezone": "UTC"},
    )
    async with pool:
        batcher = resources.extra["intake"] = Batcher(pool)
        yield
        await batcher.finish()
