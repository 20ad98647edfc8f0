"""What the broker acknowledged, so that a broker that lost it is noticed: another cluster, or a shorter partition."""

from collections.abc import Sequence
from typing import Any

import asyncpg
from aiokafka.structs import RecordMetadata, TopicPartition

from shared.bus.broker import Broker
from shared.bus.metrics import BROKER_LOSSES
from shared.bus.packing import Pack

_MARK = """
WITH marked AS (
  UPDATE outbox SET published_at = clock_timestamp()
  WHERE published_at IS NULL AND id = ANY($1::bigint[]) AND recorded_at BETWEEN $2 AND $3)
INSERT INTO broker_state (topic, cluster_id, acknowledged)
SELECT come.topic, $4, come.acknowledged::bigint[] FROM unnest($5::text[], $6::text[]) AS come (topic, acknowledged)
ON CONFLICT (topic) DO UPDATE SET cluster_id = excluded.cluster_id, acknowledged = excluded.acknowledged
"""


class BrokerLostEvents(Exception):
    """The broker lacks events that it had acknowledged; a request to send everything again has been written."""


class BrokerState:
    """Per topic, the offset after the last acknowledged record of each partition; kept in ``broker_state``."""

    def __init__(self) -> None:
        self._cluster_id = ""
        self._acknowledged: dict[str, list[int]] = {}

    async def verify(self, connection: "asyncpg.Connection[Any]", broker: Broker) -> None:
        """Compares with what the broker has now. Raises BrokerLostEvents, and what ``Broker.look`` raises."""
        known = {row["topic"]: row for row in await connection.fetch("SELECT * FROM broker_state")}
        seen = await broker.look(list(known))
        for row in known.values():
            if row["cluster_id"] != seen.cluster_id:
                await self._lost(connection, f"another cluster: {row['cluster_id']} became {seen.cluster_id}")
        self._cluster_id = seen.cluster_id
        self._acknowledged = {topic: list(row["acknowledged"]) for topic, row in known.items()}
        for topic, offsets in self._acknowledged.items():
            for partition, had in enumerate(offsets):
                if had > (left := seen.ends.get(TopicPartition(topic, partition), 0)):
                    await self._lost(connection, f"{topic}, partition {partition}: {had} acknowledged, {left} left")

    async def mark(
        self, connection: "asyncpg.Connection[Any]", packs: Sequence[Pack], acknowledged: Sequence[RecordMetadata]
    ) -> None:
        """Marks the rows of these packs as published and keeps the offsets. Raises BrokerLostEvents."""
        for one, sent in zip(acknowledged, packs, strict=True):
            if one.offset < 0:
                continue  # "duplicate": an earlier try of this batch had arrived; the broker does not say where
            offsets = self._acknowledged.setdefault(one.topic, [])
            offsets += [0] * (one.partition + 1 - len(offsets))
            had = offsets[one.partition]
            if one.offset < had:
                at = f"{one.topic}, partition {one.partition}"
                await self._lost(connection, f"{at}: {had} acknowledged, then offset {one.offset} given")
            offsets[one.partition] = one.offset + len(sent.rows)
        rows = [row for one in packs for row in one.rows]
        topics = sorted({one.topic for one in acknowledged})
        moments = [row["recorded_at"] for row in rows]
        await connection.execute(
            _MARK,
            [row["id"] for row in rows],
            min(moments),
            max(moments),
            self._cluster_id,
            topics,
            [f"{{{','.join(map(str, self._acknowledged[topic]))}}}" for topic in topics],
        )

    async def _lost(self, connection: "asyncpg.Connection[Any]", reason: str) -> None:
        BROKER_LOSSES.inc()
        async with connection.transaction():
            await connection.execute("INSERT INTO republish_requests (reason) VALUES ($1)", reason)
            await connection.execute("DELETE FROM broker_state")
        raise BrokerLostEvents(reason)
