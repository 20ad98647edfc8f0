"""The Kafka clients of the bus, with safe settings. aiokafka's defaults are not: it commits by itself, starts at the
latest offset, waits for one acknowledgement, is not idempotent and never gives an idempotent send up."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

REQUEST_SECONDS = 5.0
CLOSE_SECONDS = 3.0
MAX_RECORD_BYTES = 2 * 1024 * 1024
"""Above the largest payload that the outbox takes (256 KiB of jsonb, six times that when all of it is escaped)."""

_COMMON = {"request_timeout_ms": int(REQUEST_SECONDS * 1000), "retry_backoff_ms": 100, "metadata_max_age_ms": 30_000}


class UnsafeSettings(AssertionError):
    """A client would lose or reorder events."""


def make_producer(bootstrap: str) -> AIOKafkaProducer:
    """acks=all, idempotent; not started."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        enable_idempotence=True,
        max_batch_size=MAX_RECORD_BYTES // 2,
        max_request_size=MAX_RECORD_BYTES,
        **_COMMON,
    )
    assert_safe_producer(producer)
    return producer


def make_consumer(bootstrap: str, group: str, topics: Iterable[str]) -> AIOKafkaConsumer:
    """Commits only when told, starts at the earliest offset; not started."""
    consumer = AIOKafkaConsumer(
        *sorted(topics),
        bootstrap_servers=bootstrap,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=MAX_RECORD_BYTES,
        session_timeout_ms=6_000,  # the least that a broker allows: a killed worker's partitions are free sooner
        heartbeat_interval_ms=2_000,
        **_COMMON,
    )
    assert_safe_consumer(consumer)
    return consumer


def make_probe(bootstrap: str) -> AIOKafkaConsumer:
    """A consumer without a group, to ask for offsets; not started."""
    return AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, **_COMMON)


def make_admin(bootstrap: str) -> AIOKafkaAdminClient:
    """Not started."""
    return AIOKafkaAdminClient(bootstrap_servers=bootstrap, **_COMMON)


def assert_safe_producer(producer: AIOKafkaProducer) -> None:
    """Raises UnsafeSettings."""
    if producer._sender._acks != -1 or producer._txn_manager is None:
        raise UnsafeSettings("the producer must wait for all replicas (acks=all) and be idempotent")


def assert_safe_consumer(consumer: AIOKafkaConsumer) -> None:
    """Raises UnsafeSettings."""
    if consumer._enable_auto_commit or consumer._auto_offset_reset != "earliest":
        raise UnsafeSettings("the consumer must commit only when told and start at the earliest offset")


@asynccontextmanager
async def producing(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    """A started producer; what it could not send when the block ends is given up, never waited for."""
    producer = make_producer(bootstrap)
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            await producer.start()
        yield producer
    finally:
        await _abandon(producer)


async def _abandon(producer: AIOKafkaProducer) -> None:
    # producer.stop() waits without limit for batches that a dead broker will never take.
    producer._closed = True
    sender = producer._sender.sender_task
    if sender is not None:
        sender.cancel()
        await asyncio.wait({sender}, timeout=CLOSE_SECONDS)
        sender.cancel()
    await producer.client.close()


@asynccontextmanager
async def consuming(bootstrap: str, group: str, topics: Iterable[str]) -> AsyncIterator[AIOKafkaConsumer]:
    """A started member of the group; leaves it when the block ends, if the broker still answers."""
    consumer = make_consumer(bootstrap, group, topics)
    try:
        async with asyncio.timeout(4 * REQUEST_SECONDS):
            await consumer.start()
        yield consumer
    finally:
        await _leave(consumer)


async def _leave(consumer: AIOKafkaConsumer) -> None:
    stop = asyncio.ensure_future(consumer.stop())
    await asyncio.wait({stop}, timeout=CLOSE_SECONDS)
    if not stop.done():
        await consumer._client.close()  # the broker is silent: this ends whatever waits for its answer
        await asyncio.wait({stop}, timeout=CLOSE_SECONDS)
        stop.cancel()
