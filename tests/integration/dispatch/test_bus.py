"""Dispatch on the real bus: registry's facts come by Kafka, its own go out, with nobody's data in them (D1, D2)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from aiokafka import TopicPartition

from services.dispatch.service import SERVICE
from services.dispatch.subscriptions import SUBSCRIPTIONS
from shared.bus.cloudevent import to_kafka
from shared.bus.consumer import run_consumer
from shared.bus.kafka import make_probe, producing
from shared.bus.relay import run_relay
from shared.bus.topics import PARTITIONS, ensure_topics
from shared.contracts.base import Event, all_topics
from shared.contracts.dispatch import TOPICS
from shared.timers import run_timers
from tests.engines import SharedEngines
from tests.integration.dispatch.street import (
    FIRST,
    answered,
    call_body,
    emergency,
    event_of,
    official,
    place,
    resident_id,
    sign_up_body,
)
from tests.integration.service import Running, person

NEW_PLACE = "42.01.12.013.007"
PATIENCE = 60
"""Seconds; the machine may be busy."""

TOLD = (
    "recruitment_call.created",
    "recruitment_call.published",
    "recruitment_call.closed",
    "sign_up.created",
    "sign_up.approved",
    "volunteer.created",
)


@asynccontextmanager
async def working(dispatch: Running, bootstrap: str) -> AsyncIterator[None]:
    """What the worker runs, in this process."""
    loops = [run_relay(SERVICE, dispatch.worker.engine, bootstrap), run_timers(dispatch.worker, SERVICE.timers)]
    for kind in ("copy", "effect"):
        chosen = [one for one in SUBSCRIPTIONS if one.kind == kind]
        loops.append(run_consumer("dispatch", kind, chosen, dispatch.worker, bootstrap))
    tasks = [asyncio.ensure_future(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def until(ask: Callable[[], Awaitable[Any]]) -> Any:
    """The first answer that is something."""
    for _ in range(PATIENCE * 10):
        if found := await ask():
            return found
        await asyncio.sleep(0.1)
    raise AssertionError("it did not come to pass")


async def tell(bootstrap: str, *events: Event) -> None:
    async with producing(bootstrap) as producer:
        for event in events:
            key, value, headers = to_kafka(event, None if event.body is None else event.body.encode())
            await producer.send_and_wait(event.topic, key=key, value=value, headers=list(headers))


async def told(bootstrap: str, keys: set[str], count: int) -> list[Any]:
    """The first ``count`` records of dispatch's topics about these things."""
    probe = make_probe(bootstrap)
    await probe.start()
    try:
        probe.assign([TopicPartition(topic.name, number) for topic in TOPICS for number in range(PARTITIONS)])
        await probe.seek_to_beginning()
        found: list[Any] = []
        async with asyncio.timeout(PATIENCE):
            while len(found) < count:
                for records in (await probe.getmany(timeout_ms=500)).values():
                    found += [record for record in records if record.key.decode() in keys]
        return found
    finally:
        await probe.stop()


@pytest.mark.feature("D1", "D2")
async def test_facts_come_in_and_go_out_by_kafka(dispatch: Running, engines: SharedEngines) -> None:
    bootstrap = engines.kafka_bootstrap
    await ensure_topics(bootstrap, all_topics())
    here, number = emergency("42.01.12.013"), resident_id()
    street, me = dispatch.client(official()), person()
    draft = call_body(areas=[FIRST, NEW_PLACE], emergency_id=str(here.id))
    answered(await street.post("/v1/recruitment-calls", json=draft), 422)
    async with working(dispatch, bootstrap):
        await tell(
            bootstrap,
            event_of(place(NEW_PLACE, "七社区"), "place.created"),
            event_of(here, "emergency.created"),
        )

        async def drafted() -> Any:
            answer = await street.post("/v1/recruitment-calls", json=draft)
            return answer.json() if answer.status_code == 201 else None

        call = await until(drafted)
        url = f"/v1/recruitment-calls/{call['id']}"
        answered(await street.post(f"{url}/publish", json={}), 200)
        body = sign_up_body(call["id"], name="欧阳金丝雀", id_number=number, home_area=NEW_PLACE)
        made = answered(await dispatch.client(me).post("/v1/sign-ups", json=body), 201)
        answered(await street.post(f"/v1/sign-ups/{made['id']}/approve", json={}), 200)
        await tell(bootstrap, event_of(emergency("42.01.12.013", id=here.id, closed=True), "emergency.closed"))

        async def closed() -> Any:
            return answered(await street.get(url), 200)["state"] == "closed"

        await until(closed)
        records = await told(bootstrap, {call["id"], made["id"], str(me.id)}, len(TOLD))
    assert sorted(dict(record.headers)["ce_type"].decode() for record in records) == sorted(TOLD)
    for record in records:
        for canary in (body["name"], number, body["phone"]):
            assert canary.encode() not in record.value
    assert dict(records[0].headers)["ce_specversion"] == b"1.0"
