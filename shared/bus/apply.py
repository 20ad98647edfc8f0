"""A batch of messages becomes state: one transaction, as fast as it can be; one by one when something in it fails."""

import asyncio
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, cast
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from shared.bus import parking
from shared.bus.context import carried_on
from shared.bus.errors import passes
from shared.bus.inbox import claim, claimed
from shared.bus.message import Message, keys_of
from shared.bus.metrics import CONSUMED, RETRIES, SKIPPED
from shared.bus.subscription import CopyHandler, EffectHandler, Kind, Subscription, group_name
from shared.contracts.base import Event
from shared.problems import Problem

CHUNK = 50
"""Messages of one transaction when a batch is taken apart."""

log = structlog.get_logger()


Place = tuple[str, UUID]


class Transactions(Protocol):
    """Where sessions come from: commits when the block ends, rolls back when it raises."""

    def transaction(self) -> AbstractAsyncContextManager[AsyncSession]: ...


class Applier:
    """What one consumer of one service does with messages; returns from ``apply`` only when they are committed."""

    def __init__(self, service: str, kind: Kind, subscriptions: Sequence[Subscription], db: Transactions) -> None:
        self.consumer = group_name(service, kind)
        self.topics = {one.topic.name: one.topic for one in subscriptions}
        self._kind = kind
        self._subscriptions = subscriptions
        self._chosen: dict[tuple[str, str], list[Subscription]] = {}
        self._db = db

    async def apply(self, messages: Sequence[Message]) -> None:
        """Applies or parks every message, in their order. Passing failures are tried again without end."""
        if not await self._try(self._together, messages):
            for start in range(0, len(messages), CHUNK):
                await self._try(self._one_by_one, messages[start : start + CHUNK])
        for topic, count in Counter(message.topic.name for message in messages).items():
            CONSUMED.labels(self.consumer, topic).inc(count)

    async def _try(self, step: Callable[[Sequence[Message]], Awaitable[None]], messages: Sequence[Message]) -> bool:
        """False when a handler refused something in the batch."""
        pause = 0.05
        while True:
            try:
                await step(messages)
                return True
            except parking.ParkingFull as error:
                pause = 5.0
                log.error("parking_full", consumer=self.consumer, detail=str(error))
            except Exception as error:
                if not passes(error):
                    if step == self._together:
                        return False
                    raise
                RETRIES.labels(self.consumer).inc()
                log.warning("batch_begins_again", consumer=self.consumer, error=described(error))
            await asyncio.sleep(pause)
            pause = min(2 * pause, 5.0)

    async def _together(self, messages: Sequence[Message]) -> None:
        async with self._db.transaction() as db:
            wanted, held = await self._begin(db, messages)
            await self.run(db, [message for message in wanted if await self._admit(db, message, held)])

    async def _one_by_one(self, messages: Sequence[Message]) -> None:
        async with self._db.transaction() as db:
            wanted, held = await self._begin(db, messages)
            for message in wanted:
                if not await self._admit(db, message, held):
                    continue
                try:
                    async with db.begin_nested():
                        await db.execute(text("SET CONSTRAINTS ALL DEFERRED"))
                        await self.run(db, [message])
                        await db.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))  # fails here, not at commit
                except Exception as error:
                    if passes(error):
                        raise
                    await parking.park(db, self.consumer, message, described(error), 2)
                    held.add(message.place)

    async def _begin(self, db: AsyncSession, messages: Sequence[Message]) -> tuple[list[Message], set[Place]]:
        """What concerns this consumer, and which places are held back by an event that was parked before."""
        wanted = [message for message in messages if self._wants(message)]
        return wanted, await parking.held_places(db, self.consumer, keys_of(wanted)) if wanted else set()

    async def _admit(self, db: AsyncSession, message: Message, held: set[Place]) -> bool:
        """True for the handlers; else the message is parked, or was applied or discarded before."""
        if message.place in held and self._supersedes(message):
            await parking.erase(db, [message.key], "tombstone", consumer=self.consumer, topic=message.topic.name)
            held.discard(message.place)
        if message.event is not None and message.place not in held:
            return True
        if not await claimed(db, self.consumer, [message.event_id]):
            error, attempts = (message.error, 1) if message.place not in held else (parking.WAITS, 0)
            await parking.park(db, self.consumer, message, error, attempts)
            held.add(message.place)
        return False

    def _wants(self, message: Message) -> bool:
        if message.event is None:
            return True
        if message.event.type not in message.topic.all_types:
            SKIPPED.labels(self.consumer, message.topic.name).inc()
            return False
        return bool(self._subscribed(message.event))

    def _supersedes(self, message: Message) -> bool:
        return self._kind == "copy" and message.event is not None and message.event.payload is None

    async def run(self, db: AsyncSession, messages: Sequence[Message]) -> None:
        """Claims and handles, in the caller's transaction; every message is readable."""
        if self._kind == "copy":
            await self._copy(db, messages)
        else:
            await self._effect(db, messages)

    async def _copy(self, db: AsyncSession, messages: Sequence[Message]) -> None:
        events: dict[int, list[Event]] = {id(one): [] for one in self._subscriptions}
        for message in messages:
            for one in self._subscribed(message.event) if message.event else ():
                events[id(one)].append(cast(Event, message.event))
        for one in self._subscriptions:
            if events[id(one)]:
                await cast(CopyHandler, one.handler)(db, events[id(one)])

    async def _effect(self, db: AsyncSession, messages: Sequence[Message]) -> None:
        fresh = await claim(db, self.consumer, {message.event_id for message in messages})
        for message in messages:
            if message.event is None or message.event_id not in fresh:
                continue
            fresh.discard(message.event_id)  # the same event may be in the batch twice
            with carried_on(message.event.correlation_id, message.event.traceparent):
                for one in self._subscribed(message.event):
                    await cast(EffectHandler, one.handler)(db, message.event)

    def _subscribed(self, event: Event) -> list[Subscription]:
        place = event.topic, event.type
        if place not in self._chosen:
            wants = [one for one in self._subscriptions if one.topic.name == event.topic and one.wants(event.type)]
            self._chosen[place] = wants
        return self._chosen[place]


def described(error: BaseException) -> str:
    """What went wrong and where, without values: an exception's text may hold personal data."""
    if isinstance(error, Problem):
        return f"{type(error).__name__}: {error}"
    if isinstance(error, DBAPIError) and error.orig is not None:
        parts = (getattr(error.orig, name, None) for name in ("sqlstate", "table_name", "constraint_name"))
        kind = type(error.orig.__cause__ or error.orig).__name__
        return f"{kind} {' '.join(str(part) for part in parts if part)}"
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
