"""``python -m shared.bus.topics``: makes every topic of the contracts, and checks those that are there; idempotent.

Reads LINLI_KAFKA_BOOTSTRAP and LINLI_KAFKA_REPLICATION (default 1). Exit status 1 and one line when something is wrong.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from shared.bus.kafka import MAX_RECORD_BYTES, make_admin
from shared.contracts.base import Topic, all_topics

PARTITIONS = 12
_DAY = 24 * 3600 * 1000


class WrongTopics(Exception):
    """Topics could not be made, or stand otherwise than the contracts say."""


def config_of(topic: Topic, replication: int) -> dict[str, str]:
    """State topics keep the last record of each key for ever, and all of them for 7 days; event topics keep 30 days.

    A tombstone stays 30 days, so that a consumer that was away still meets it.
    """
    common = {"max.message.bytes": str(MAX_RECORD_BYTES), "min.insync.replicas": str(max(1, replication - 1))}
    if topic.kind == "state":
        days = {"min.compaction.lag.ms": str(7 * _DAY), "delete.retention.ms": str(30 * _DAY)}
        return {"cleanup.policy": "compact", **days, **common}
    return {"cleanup.policy": "delete", "retention.ms": str(30 * _DAY), **common}


async def ensure_topics(bootstrap: str, topics: Sequence[Topic], replication: int = 1) -> int:
    """Makes what is missing, checks the rest; returns how many were made. Raises WrongTopics, KafkaError, OSError."""
    admin = make_admin(bootstrap)
    try:
        await admin.start()
        made = await _create(admin, topics, replication)
        wrong = [*await _wrong_shapes(admin, topics, replication), *await _wrong_configs(admin, topics, replication)]
    finally:
        await admin.close()
    if wrong:
        more = f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise WrongTopics("; ".join(wrong[:3]) + more)
    return made


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[Topic], replication: int) -> int:
    wanted = [NewTopic(one.name, PARTITIONS, replication, topic_configs=config_of(one, replication)) for one in topics]
    answer = await admin.create_topics(wanted)
    made = 0
    for name, code, message in answer.topic_errors:
        if code == 0:
            made += 1
        elif code != TopicAlreadyExistsError.errno:
            raise WrongTopics(f"{name}: {for_code(code).__name__} {message or ''}".strip())
    return made


async def _wrong_shapes(admin: AIOKafkaAdminClient, topics: Sequence[Topic], replication: int) -> list[str]:
    wrong = []
    for one in await _described(admin, topics):
        partitions = one["partitions"]
        if len(partitions) != PARTITIONS:
            wrong.append(f"{one['topic']}: {len(partitions)} partitions, not {PARTITIONS}")
        elif any(len(partition["replicas"]) < replication for partition in partitions):
            wrong.append(f"{one['topic']}: fewer than {replication} replicas")
    return wrong


async def _described(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> list[dict[str, Any]]:
    """Metadata of all topics; a topic just made may take a moment to show up."""
    names = [topic.name for topic in topics]
    for _ in range(50):
        found: list[dict[str, Any]] = await admin.describe_topics(names)
        if all(one["error_code"] == 0 for one in found):
            return found
        await asyncio.sleep(0.1)
    raise WrongTopics(f"not there after being made: {', '.join(o['topic'] for o in found if o['error_code'])}")


async def _wrong_configs(admin: AIOKafkaAdminClient, topics: Sequence[Topic], replication: int) -> list[str]:
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, one.name, dict.fromkeys(config_of(one, replication))) for one in topics
    ]
    found: dict[str, dict[str, str]] = {}
    for answer in await admin.describe_configs(resources):
        for _, _, _, name, entries in answer.resources:
            found[name] = {entry[0]: entry[1] for entry in entries}
    return [
        f"{topic.name}: {key} is {found[topic.name].get(key)}, not {value}"
        for topic in topics
        for key, value in config_of(topic, replication).items()
        if found[topic.name].get(key) != value
    ]


def main() -> None:
    bootstrap = os.environ.get("LINLI_KAFKA_BOOTSTRAP")
    if not bootstrap:
        sys.exit("LINLI_KAFKA_BOOTSTRAP is not set; see .env.example")
    replication = os.environ.get("LINLI_KAFKA_REPLICATION", "1")
    if not replication.isdigit() or int(replication) < 1:
        sys.exit("LINLI_KAFKA_REPLICATION must be a whole number from 1")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the one line below says it
    try:
        made = asyncio.run(ensure_topics(bootstrap, all_topics(), int(replication)))
    except (WrongTopics, KafkaError, OSError) as error:
        sys.exit(f"topics: {error or type(error).__name__}")
    print(f"topics: {len(all_topics())} are there, {made} of them new")


if __name__ == "__main__":
    main()
