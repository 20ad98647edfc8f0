"""What the broker has at this moment, seen over connections that neither relay nor consumer uses."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from shared.bus.kafka import REQUEST_SECONDS, make_admin, make_probe


class MissingTopics(Exception):
    """Topics that the deploy step has not made (again)."""

    def __init__(self, names: Collection[str]) -> None:
        super().__init__(f"missing: {', '.join(sorted(names))}; run python -m shared.bus.topics")


@dataclass(frozen=True)
class Sighting:
    """``ends``: the offset that the next record of each partition will get."""

    cluster_id: str
    ends: Mapping[TopicPartition, int]


class Broker:
    """Asks the cluster itself. Every call raises KafkaError, OSError or TimeoutError when it does not answer; then
    use another Broker."""

    def __init__(self, bootstrap: str) -> None:
        self._admin: AIOKafkaAdminClient = make_admin(bootstrap)
        self._probe: AIOKafkaConsumer = make_probe(bootstrap)

    async def __aenter__(self) -> Self:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                await self._admin.start()
                await self._probe.start()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._admin.close()
        await self._probe.stop()

    async def look(self, topics: Collection[str]) -> Sighting:
        """Raises MissingTopics."""
        async with asyncio.timeout(REQUEST_SECONDS):
            cluster = await self._admin.describe_cluster()
            ends = await self._probe.end_offsets(await self._partitions(topics)) if topics else {}
        return Sighting(cluster["cluster_id"], ends)

    async def lag(self, group: str, topics: Collection[str], done: Mapping[TopicPartition, int]) -> int:
        """Events between the group and the end of its partitions; ``done`` (next offset) is newer than its commits."""
        async with asyncio.timeout(2 * REQUEST_SECONDS):
            partitions = await self._partitions(topics)
            begins = await self._probe.beginning_offsets(partitions)
            ends = await self._probe.end_offsets(partitions)
            committed = await self._admin.list_consumer_group_offsets(group)
        total = 0
        for partition, end in ends.items():
            commit = committed[partition].offset if partition in committed else 0
            known = [at for at in (commit, done.get(partition, 0)) if at <= end]  # beyond the end: of a lost broker
            total += end - max([begins[partition], *known])
        return total

    async def _partitions(self, topics: Collection[str]) -> list[TopicPartition]:
        described = {one["topic"]: one for one in await self._admin.describe_topics(sorted(topics))}
        missing = [name for name in topics if name not in described or described[name]["error_code"]]
        if missing:
            raise MissingTopics(missing)
        await self._probe._client.set_topics(topics)  # else it learns of a new topic by failing, and waits 0.1 s
        return [TopicPartition(name, one["partition"]) for name in topics for one in described[name]["partitions"]]
