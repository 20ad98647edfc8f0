"""aiokafka's own defaults lose events; ours are asserted whenever a client is made."""

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from shared.bus.kafka import (
    UnsafeSettings,
    assert_safe_consumer,
    assert_safe_producer,
    make_consumer,
    make_producer,
)
from shared.bus.topics import config_of
from tests.unit.shared.bus.things import FACTS, THINGS

NOWHERE = "127.0.0.1:1"


@pytest.mark.promise("EB2")
async def test_our_clients_wait_for_all_and_commit_only_when_told() -> None:
    producer, consumer = make_producer(NOWHERE), make_consumer(NOWHERE, "g", ["t"])
    assert_safe_producer(producer)
    assert_safe_consumer(consumer)
    await producer.stop()
    await consumer.stop()


@pytest.mark.promise("EB2")
@pytest.mark.parametrize("unsafe", [{}, {"acks": 1}, {"acks": "all"}])
async def test_an_unsafe_producer_is_refused(unsafe: dict[str, object]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=NOWHERE, **unsafe)
    with pytest.raises(UnsafeSettings):
        assert_safe_producer(producer)
    await producer.stop()


@pytest.mark.promise("EB2")
@pytest.mark.parametrize("unsafe", [{}, {"enable_auto_commit": False}, {"auto_offset_reset": "earliest"}])
async def test_an_unsafe_consumer_is_refused(unsafe: dict[str, object]) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=NOWHERE, **unsafe)
    with pytest.raises(UnsafeSettings):
        assert_safe_consumer(consumer)
    await consumer.stop()


def test_state_topics_are_compacted_late_and_event_topics_kept_thirty_days() -> None:
    day = 24 * 3600 * 1000
    state, event = config_of(THINGS, 3), config_of(FACTS, 1)
    assert (state["cleanup.policy"], state["min.compaction.lag.ms"]) == ("compact", str(7 * day))
    assert (event["cleanup.policy"], event["retention.ms"]) == ("delete", str(30 * day))
    assert (state["min.insync.replicas"], event["min.insync.replicas"]) == ("2", "1")
