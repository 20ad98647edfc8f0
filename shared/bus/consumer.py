"""The consumers of a service: at most two Kafka groups, ``<service>.copies`` and ``<service>.effects``.

Copies may forget, be reset and read everything again; effects are never replayed on purpose, and the inbox guards them.
Offsets are committed last, at most a quarter of a second after the transaction they belong to.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from shared.bus.apply import Applier, Transactions
from shared.bus.broker import Broker, MissingTopics
from shared.bus.errors import passes
from shared.bus.kafka import consuming
from shared.bus.message import Message
from shared.bus.metrics import CONSUMER_LAG, RESTARTS
from shared.bus.replay import replay_requested
from shared.bus.subscription import CopyHandler, EffectHandler, Kind, Subscription

__all__ = ["CopyHandler", "EffectHandler", "Pace", "Stuck", "Subscription", "run_consumer"]

log = structlog.get_logger()


class Stuck(Exception):
    """Events wait and the consumer gets none."""


@dataclass(frozen=True)
class Pace:
    """Seconds, but for ``batch`` (events of one transaction)."""

    batch: int = 500
    commit: float = 0.25
    """The longest that a processed offset stays uncommitted."""
    look: float = 5.0
    """Between two looks at the lag."""
    stuck: float = 30.0
    """Lag without progress for so long: begin again."""
    replay: float = 1.0
    """Between two looks for parked events to replay."""
    again: float = 0.5


async def run_consumer(
    service: str,
    kind: Kind,
    subscriptions: Sequence[Subscription],
    db: Transactions,
    bootstrap: str,
    pace: Pace = Pace(),
) -> None:
    """Consumes until cancelled; begins again when it is stuck or the broker fails. Raises what is neither's failure.

    ``subscriptions`` are those of this kind. ``db``: ``shared.database.Database`` of the worker's role.
    """
    applier = Applier(service, kind, subscriptions, db)
    while True:
        try:
            async with consuming(bootstrap, applier.consumer, applier.topics) as consumer:
                member = _Member(consumer, applier, db, pace)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(member.work())
                    tasks.create_task(member.watch(bootstrap))
        except* (Stuck, KafkaError, OSError, TimeoutError) as group:
            RESTARTS.labels(applier.consumer).inc()
            causes = sorted({f"{type(error).__name__}: {error}"[:200] for error in group.exceptions})
            log.error("consumer_begins_again", consumer=applier.consumer, causes=causes)
        await asyncio.sleep(pace.again)


class _Member:
    """One membership in the group, from joining to leaving."""

    def __init__(self, consumer: AIOKafkaConsumer, applier: Applier, db: Transactions, pace: Pace) -> None:
        self._consumer = consumer
        self._applier = applier
        self._db = db
        self._pace = pace
        self._done: dict[TopicPartition, int] = {}
        self._uncommitted: dict[TopicPartition, int] = {}
        self._progressed = self._committed = self._replayed = time.monotonic()

    async def work(self) -> None:
        """Batch after batch: apply, commit the transaction, then the offsets."""
        try:
            while True:
                batches = await self._consumer.getmany(timeout_ms=200, max_records=self._pace.batch)
                if batches:
                    records = [record for partition in batches.values() for record in partition]
                    await self._applier.apply([Message.of_record(self._applier.topics, record) for record in records])
                    self._note({place: partition[-1].offset + 1 for place, partition in batches.items()})
                await self._commit(idle=not batches)
                await self._replay()
        finally:
            with suppress(Exception):
                async with asyncio.timeout(1):
                    await self._commit(idle=True)

    def _note(self, offsets: dict[TopicPartition, int]) -> None:
        self._done |= offsets
        self._uncommitted |= offsets
        self._progressed = time.monotonic()

    async def _commit(self, *, idle: bool) -> None:
        now = time.monotonic()
        if not self._uncommitted or not (idle or now - self._committed >= self._pace.commit):
            return
        offsets, self._uncommitted, self._committed = self._uncommitted, {}, now
        try:
            await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            # The partitions went to another member, which reads them again; nothing happens twice.
            log.warning("commit_too_late", consumer=self._applier.consumer, error=str(error))

    async def _replay(self) -> None:
        now = time.monotonic()
        if now - self._replayed < self._pace.replay:
            return
        self._replayed = now
        try:
            await replay_requested(self._applier, self._db)
        except Exception as error:
            if not passes(error):
                raise
            log.warning("replay_postponed", consumer=self._applier.consumer, error=type(error).__name__)

    async def watch(self, bootstrap: str) -> None:
        """Raises Stuck. aiokafka may stay silent after a broker's restart, so others are asked how much waits."""
        while True:
            with suppress(KafkaError, OSError, TimeoutError, MissingTopics):
                async with Broker(bootstrap) as broker:
                    while True:
                        await self._look(broker)
                        await asyncio.sleep(self._pace.look)
            self._progressed = time.monotonic()  # nobody can progress without a broker
            await asyncio.sleep(self._pace.look)

    async def _look(self, broker: Broker) -> None:
        lag = await broker.lag(self._applier.consumer, list(self._applier.topics), self._done)
        CONSUMER_LAG.labels(self._applier.consumer).set(lag)
        now = time.monotonic()
        if lag == 0:
            self._progressed = now
        elif now - self._progressed > self._pace.stuck:
            raise Stuck(f"{lag} events wait, none came for {now - self._progressed:.0f} s")
