"""A record as it came from Kafka (or from parked events), with its event or the reason why it holds none."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID, uuid5

from shared.bus.cloudevent import Headers, Unreadable, from_kafka
from shared.contracts.base import Event, Topic

_UNREADABLE = UUID("0195e0f4-6a7c-7d31-9d5b-6f1d1c5d7e10")
"""Namespace of the ids that records without an id get, so that the same record is parked once."""


@dataclass(frozen=True)
class Message:
    """Either ``event`` or ``error``. ``key`` and ``event_id`` are always there: derived when the record has none."""

    topic: Topic
    partition: int
    offset: int
    record_key: bytes | None
    body: bytes | None
    headers: Headers
    key: UUID
    event_id: UUID
    type: str | None
    event: Event | None
    error: str

    @classmethod
    def read(
        cls,
        topic: Topic,
        partition: int,
        offset: int,
        record_key: bytes | None,
        body: bytes | None,
        headers: Sequence[tuple[str, bytes]],
    ) -> Self:
        """Never raises: what cannot be read says so in ``error``."""
        place = (topic, partition, offset, record_key, body, headers)
        try:
            event = from_kafka(topic, record_key, body, headers)
        except Unreadable as error:
            named = {name: value.decode(errors="replace") for name, value in headers}
            key = _uuid_or((record_key or b"").decode(errors="replace"), (topic.name, record_key or offset))
            event_id = _uuid_or(named.get("ce_id", ""), (topic.name, record_key, body, headers))
            return cls(*place, key, event_id, named.get("ce_type"), None, str(error))
        return cls(*place, event.key, event.id, event.type, event, "")

    @classmethod
    def of_record(cls, topics: Mapping[str, Topic], record: Any) -> Self:
        """From aiokafka's ConsumerRecord."""
        topic = topics[record.topic]
        headers = [(name, value or b"") for name, value in record.headers]  # a header may be null
        return cls.read(topic, record.partition, record.offset, record.key, record.value, headers)

    @property
    def place(self) -> tuple[str, UUID]:
        """What a parked event holds back: its topic and key."""
        return self.topic.name, self.key


def _uuid_or(text: str, content: object) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return uuid5(_UNREADABLE, hashlib.sha256(repr(content).encode()).hexdigest())


def keys_of(messages: Iterable[Message]) -> list[UUID]:
    """Each key once, sorted."""
    return sorted({message.key for message in messages})
