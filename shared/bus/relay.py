"""The relay: takes unpublished rows of the outbox in id order, sends them, marks them. One per service at a time.

Safe without a horizon: two events of one aggregate are serialized by its row lock, so the later one is never visible
before the earlier, and across aggregates order does not matter. Whatever fails, the round is sent again from a fresh
producer: an event may come twice, never out of order, never not at all.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.bus.broker import Broker, MissingTopics
from shared.bus.broker_state import BrokerLostEvents, BrokerState
from shared.bus.errors import passes
from shared.bus.kafka import producing
from shared.bus.metrics import PUBLISHED, RELAY_FAILURES, RELAY_LAG
from shared.bus.packing import pack
from shared.bus.republish import Snapshot, record_snapshots, unmark
from shared.contracts.base import Topic

log = structlog.get_logger()

# On a fresh partition without statistics the cached plan turns into a full scan; only index scans are wanted anyway.
_SESSION = """
SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off; SET enable_hashjoin = off;
SET plan_cache_mode = force_generic_plan; SET jit = off; SET application_name = 'relay';
"""
_LOCK = "SELECT pg_try_advisory_lock(hashtext('linli.relay'))"
_TAKE = """
SELECT id, event_id, topic, key, seq, type, payload::text AS body, headers->>'correlationid' AS correlation_id,
       headers->>'traceparent' AS traceparent, coalesce(occurred_at, recorded_at) AS occurred_at, recorded_at
FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT $1
"""


class Publisher(Protocol):
    """A service, as far as the relay must know."""

    @property
    def snapshots(self) -> Mapping[Topic, Snapshot]: ...


@dataclass(frozen=True)
class Pace:
    """Seconds, but for ``batch`` (events of one round)."""

    batch: int = 500
    deadline: float = 5.0
    """A round that is not acknowledged by then is given up and sent again."""
    settle: float = 10.0
    """Between noticing that the broker lost events and sending them again: consumers find their place meanwhile."""
    look: float = 5.0
    """Between two looks at what the broker has."""
    maintain: float = 3600.0
    again: float = 0.5


async def run_relay(service: Publisher, engine: AsyncEngine, bootstrap: str, pace: Pace = Pace()) -> None:
    """Sends the service's events until cancelled; waits while another process does.

    Broker and database may come and go. Raises what is neither's passing failure.
    """
    relay = _Relay(service, engine, bootstrap, pace)
    while True:
        try:
            await relay.lead()
        except MissingTopics as error:
            log.error("topics_missing", error=str(error))
        except BrokerLostEvents as error:
            log.error("broker_lost_events", error=str(error))
        except Exception as error:
            if not (isinstance(error, KafkaError | OSError) or passes(error)):
                raise
            RELAY_FAILURES.inc()
            log.warning("relay_begins_again", error=type(error).__name__, detail=str(error)[:200])
        await asyncio.sleep(pace.again)


@asynccontextmanager
async def _session(engine: AsyncEngine) -> "AsyncIterator[asyncpg.Connection[Any]]":
    """A connection of the pool whose settings and locks nobody else ever gets: closed when the block ends."""
    async with engine.connect() as connection:
        try:
            raw = (await connection.get_raw_connection()).driver_connection
            assert raw is not None
            await raw.execute(_SESSION)
            yield raw
        finally:
            await connection.invalidate()


class _Relay:
    def __init__(self, service: Publisher, engine: AsyncEngine, bootstrap: str, pace: Pace) -> None:
        self._service = service
        self._engine = engine
        self._bootstrap = bootstrap
        self._pace = pace
        self._state = BrokerState()
        self._looked = self._busy = 0.0
        self._maintained = -math.inf
        self._snapshots_due = False

    async def lead(self) -> None:
        """Sends until something fails."""
        async with _session(self._engine) as connection:
            while not await connection.fetchval(_LOCK):  # noqa: ASYNC110 (the lock is another process's)
                await asyncio.sleep(1)
            async with Broker(self._bootstrap) as broker, producing(self._bootstrap) as producer:
                self._looked = -math.inf
                while True:
                    await self._housekeeping(connection, broker)
                    sent = await self._round(connection, producer)
                    if sent < self._pace.batch:
                        if self._snapshots_due:
                            await self._send_snapshots(connection)
                        await asyncio.sleep(self._rest(sent))

    async def _housekeeping(self, connection: "asyncpg.Connection[Any]", broker: Broker) -> None:
        now = time.monotonic()
        if now - self._looked >= self._pace.look:
            self._looked = now
            await self._state.verify(connection, broker)
            await self._unmark_if_asked(connection)
        if now - self._maintained >= self._pace.maintain:
            self._maintained = now
            try:
                await connection.execute("SELECT bus_maintain()")
            except asyncpg.PostgresError as error:
                log.warning("maintenance_postponed", error=str(error))
                self._maintained = now - self._pace.maintain + 60

    async def _round(self, connection: "asyncpg.Connection[Any]", producer: AIOKafkaProducer) -> int:
        """Sends one batch and marks it; returns how many events."""
        rows = await connection.fetch(_TAKE, self._pace.batch)
        RELAY_LAG.set((datetime.now(UTC) - rows[0]["recorded_at"]).total_seconds() if rows else 0)
        if not rows:
            return 0
        packs = await pack(producer, rows)
        async with asyncio.timeout(self._pace.deadline):
            sends = [
                await producer.send_batch(one.builder, partition.topic, partition=partition.partition)
                for partition, one in packs.items()
            ]
            acknowledged: Sequence[RecordMetadata] = await asyncio.gather(*sends)
        await self._state.mark(connection, list(packs.values()), acknowledged)
        for partition, one in packs.items():
            PUBLISHED.labels(partition.topic).inc(len(one.rows))
        return len(rows)

    def _rest(self, sent: int) -> float:
        """Seconds to the next look at the outbox: short under load, longer for larger batches and when idle."""
        now = time.monotonic()
        if sent:
            self._busy = now
            return 0.025 if sent > 20 else 0.010
        idle = now - self._busy
        return 0.010 if idle < 0.5 else 0.05 if idle < 10 else 0.1

    async def _unmark_if_asked(self, connection: "asyncpg.Connection[Any]") -> None:
        request = await connection.fetchrow(
            "SELECT id, reason, phase FROM republish_requests WHERE phase <> 'finished' ORDER BY id DESC LIMIT 1"
        )
        self._snapshots_due = request is not None
        if request is None or request["phase"] == "snapshot":
            return
        log.error("republish_begins", reason=request["reason"], settle_seconds=self._pace.settle)
        await asyncio.sleep(self._pace.settle)
        events = await unmark(connection)
        await connection.execute("UPDATE republish_requests SET phase = 'snapshot' WHERE id <= $1", request["id"])
        log.error("republish_sends", events=events)

    async def _send_snapshots(self, connection: "asyncpg.Connection[Any]") -> None:
        aggregates = await record_snapshots(self._engine, connection, self._service.snapshots)
        await connection.execute(
            "UPDATE republish_requests SET phase = 'finished', finished_at = now() WHERE phase = 'snapshot'"
        )
        self._snapshots_due = False
        log.error("republish_snapshots", aggregates=aggregates)
