"""A service's list of what it listens to is made of these."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession

from shared.contracts.base import Event, Topic

EffectHandler: TypeAlias = Callable[[AsyncSession, Event], Awaitable[None]]
CopyHandler: TypeAlias = Callable[[AsyncSession, Sequence[Event]], Awaitable[None]]
Kind: TypeAlias = Literal["copy", "effect"]

GROUPS: dict[Kind, str] = {"copy": "copies", "effect": "effects"}


@dataclass(frozen=True)
class Subscription:
    """One handler on one topic.

    ``effect``: ``await handler(db, event)`` in one transaction with the inbox claim; happens once; never sees
    snapshots, and tombstones only when ``types`` names them. All effects of one event in a service happen together or
    not at all.
    ``copy``: ``await handler(db, events)`` for a whole batch, snapshots and tombstones (payload None) included; may be
    called again with events it has seen, so it applies an event only if ``seq`` is newer.
    ``types``: only these; None means all. Raises ValueError for a type that the topic does not know.
    """

    topic: Topic
    kind: Kind
    handler: EffectHandler | CopyHandler
    types: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if unknown := set(self.types or ()) - set(self.topic.all_types):
            raise ValueError(f"{self.topic.name} has no {', '.join(sorted(unknown))}")
        if self.kind == "effect" and self.topic.snapshot_type in (self.types or ()):
            raise ValueError(f"{self.topic.snapshot_type}: a snapshot has no effects")

    def wants(self, event_type: str) -> bool:
        if self.types is not None:
            return event_type in self.types
        return event_type in (self.topic.all_types if self.kind == "copy" else self.topic.types)


def group_name(service: str, kind: Kind) -> str:
    """``dispatch.copies`` or ``dispatch.effects``: the Kafka group, and the consumer in inbox and parked events."""
    return f"{service}.{GROUPS[kind]}"
