"""What every event is made of: topics, payload models and the event a handler gets.

A contract is additive only: a field may be added (with a default), never removed, renamed or given another JSON type.
``tests/contracts`` holds one golden JSON file per event type that proves it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, cached_property
from importlib import import_module
from typing import Literal, Protocol, TypeAlias, TypeVar, cast
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict

from shared.clock import to_wire

PRODUCERS = ("registry", "orders", "dispatch", "gateway")


class Contract(BaseModel):
    """Base of every event payload and of the parts inside it.

    Frozen; unknown fields are ignored, so that an older reader understands a newer writer. UUIDs, datetimes with an
    offset, dates, integers, strings, booleans, lists and parts; no floats. Every payload of a topic also has
    ``id: UUID`` (the aggregate), ``version: int`` (the event's ``seq``) and ``area: str | None``.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    def to_json(self) -> bytes:
        """The payload as it travels: compact JSON, datetimes as RFC 3339 in UTC with milliseconds and ``Z``."""
        return orjson.dumps(self.model_dump(), default=_encode, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _encode(value: object) -> str:
    if isinstance(value, datetime):
        return to_wire(value)
    if isinstance(value, date):
        return value.isoformat()  # orjson passes days through together with instants
    if isinstance(value, UUID):
        return str(value)  # asyncpg's own kind, which orjson does not know
    raise TypeError(f"{type(value).__name__} has no place in an event")


class Identified(Protocol):
    """What every payload of a topic has."""

    @property
    def id(self) -> UUID: ...
    @property
    def version(self) -> int: ...
    @property
    def area(self) -> str | None: ...


def identity(payload: Contract) -> Identified:
    """The same payload, typed by the fields that ``Topic`` has checked to be there."""
    return cast(Identified, payload)


@dataclass(frozen=True)
class Topic:
    """One Kafka topic: ``<service>.<singular resource>.v<version>``, key = aggregate id.

    A ``state`` topic is compacted, carries the whole thin state, and also knows ``<resource>.snapshot`` (the same
    state, sent again) and ``<resource>.erased`` (a tombstone: no payload). An ``event`` topic carries facts, 30 days.
    Raises ValueError for a malformed name, a listed implicit type, a payload without ``id``, ``version``, ``area``.
    """

    name: str
    kind: Literal["state", "event"]
    payload: type[Contract]
    types: tuple[str, ...]

    def __post_init__(self) -> None:
        parts = self.name.split(".")
        if len(parts) != 3 or not (parts[2].startswith("v") and parts[2][1:].isdigit()):
            raise ValueError(f"{self.name}: a topic is named <service>.<resource>.v<version>")
        if missing := {"id", "version", "area"} - self.payload.model_fields.keys():
            raise ValueError(f"{self.name}: {self.payload.__name__} lacks {', '.join(sorted(missing))}")
        if self.kind == "state" and {self.snapshot_type, self.erased_type} & set(self.types):
            raise ValueError(f"{self.name}: snapshot and tombstone are implicit")

    @property
    def service(self) -> str:
        return self.name.split(".")[0]

    @property
    def resource(self) -> str:
        return self.name.split(".")[1]

    @property
    def version(self) -> int:
        return int(self.name.rpartition(".v")[2])

    @property
    def snapshot_type(self) -> str:
        return f"{self.resource}.snapshot"

    @property
    def erased_type(self) -> str:
        return f"{self.resource}.erased"

    @cached_property
    def all_types(self) -> tuple[str, ...]:
        """Every type that may travel on this topic, the implicit ones included."""
        return (*self.types, self.snapshot_type, self.erased_type) if self.kind == "state" else self.types

    def source(self, key: UUID) -> str:
        """CloudEvents ``source``: the entity that the event is about, as a URI reference."""
        return f"/{self.service}/{self.resource}/{key}"


AnyContract = TypeVar("AnyContract", bound=Contract)
ModelOf: TypeAlias = type[AnyContract]


@dataclass(frozen=True)
class Event:
    """An event as a handler gets it. ``payload`` is None for a tombstone; ``body`` is the payload's JSON as it came,
    unknown fields included (what copies keep)."""

    id: UUID
    type: str
    topic: str
    key: UUID
    seq: int
    occurred_at: datetime
    recorded_at: datetime
    correlation_id: str | None
    traceparent: str | None
    payload: Contract | None
    body: str | None = None

    def of(self, model: ModelOf[AnyContract]) -> AnyContract:
        """The payload as ``model``. Raises TypeError if it is something else (a tombstone, another topic's)."""
        if not isinstance(self.payload, model):
            raise TypeError(f"{self.type} carries {type(self.payload).__name__}, not {model.__name__}")
        return self.payload


@cache
def all_topics() -> tuple[Topic, ...]:
    """Every topic of every producer, in the producers' order. Raises ValueError if a name is declared twice."""
    topics = tuple(topic for name in PRODUCERS for topic in import_module(f"shared.contracts.{name}").TOPICS)
    if len({topic.name for topic in topics}) != len(topics):
        raise ValueError("a topic is declared twice")
    return topics


@cache
def topics_by_name() -> Mapping[str, Topic]:
    return {topic.name: topic for topic in all_topics()}
