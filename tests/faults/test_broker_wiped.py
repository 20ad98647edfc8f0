"""The broker loses everything while the system runs; and an event that nobody can read stops only its own key."""

import asyncio
import json
from collections import Counter
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from demo.client import Json
from demo.world import eventually
from deploy.laptop.environment import SERVICES
from shared.bus.topics import PARTITIONS
from shared.contracts import registry
from shared.ids import new_id
from tests.e2e.town import Town

UNREADABLE = "an unknown version of CloudEvents or of the topic's schema"
EFFECTS = {
    "registry": ("notices", "emergencies", "households"),
    "orders": ("orders", "shortages", "purchases"),
    "dispatch": ("recruitment_calls",),
    "gateway": ("notifications", "webhook_deliveries", "inbound_messages"),
}


async def command(town: Town, service: str, *words: str) -> Json:
    """What the service's command prints; the receiver goes on answering meanwhile."""
    printed = await asyncio.to_thread(town.stack.command, f"services.{service}", *words, service=service)
    found: Json = json.loads(printed)
    return found


async def hashes(town: Town) -> dict[str, dict[str, dict[str, str]]]:
    """Service → owned and copied → topic → hash."""
    found = await asyncio.gather(*(command(town, service, "hashes") for service in SERVICES))
    return dict(zip(SERVICES, found, strict=True))


def differing(found: dict[str, dict[str, dict[str, str]]]) -> list[str]:
    """Copies that are not what their owner has."""
    owners = {topic: one for service in found.values() for topic, one in service["owned"].items()}
    return [
        f"{service}: {topic}"
        for service, both in found.items()
        for topic, one in both["copied"].items()
        if one != owners[topic]
    ]


async def select(town: Town, service: str, query: str) -> list[Any]:
    connection = await asyncpg.connect(town.stack.env[f"LINLI_{service.upper()}_WORKER_URL"])
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


async def effects(town: Town) -> Counter[str]:
    """How much has happened, in every place where a second delivery of an event would leave a trace."""
    counts: Counter[str] = Counter()
    for service in SERVICES:
        claims = await select(town, service, "SELECT consumer, count(*) AS n FROM inbox GROUP BY 1")
        counts |= Counter({f"{service} claims {row['consumer']}": row["n"] for row in claims})
        for table in EFFECTS[service]:
            (row,) = await select(town, service, f"SELECT count(*) AS n FROM {table}")
            counts[f"{service} {table}"] = row["n"]
    counts["webhooks received"] = len(town.receiver.ids)
    return counts


async def quiet(town: Town) -> None:
    """Waits until nothing is to be sent anywhere, and nothing has happened for two seconds."""
    last: list[Counter[str]] = []

    async def rests() -> bool:
        for service in SERVICES:
            if await select(town, service, "SELECT 1 FROM outbox WHERE published_at IS NULL LIMIT 1"):
                return False
            if await select(town, service, "SELECT 1 FROM republish_requests WHERE phase <> 'finished' LIMIT 1"):
                return False
        if await select(town, "gateway", "SELECT 1 FROM webhook_deliveries WHERE state = 'pending' LIMIT 1"):
            return False
        last.append(await effects(town))
        await asyncio.sleep(2)
        return last[-1] == await effects(town)

    await eventually(rests, "the system to come to rest", seconds=120)


async def _read_to_the_end(town: Town) -> bool:
    """Whether every consumer group has committed all that the new log holds."""
    bootstrap = town.stack.env["LINLI_KAFKA_BOOTSTRAP"]
    wanted = [(service, await command(town, service, "listens")) for service in SERVICES]
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as probe:
            for service, listens in wanted:
                for kind, group in (("copy", f"{service}.copies"), ("effect", f"{service}.effects")):
                    topics = {one["topic"] for one in listens["subscriptions"] if one["kind"] == kind}
                    if topics and not await _group_is_done(admin, probe, group, topics):
                        return False
    finally:
        await admin.close()
    return True


async def _group_is_done(admin: AIOKafkaAdminClient, probe: AIOKafkaConsumer, group: str, topics: set[str]) -> bool:
    committed = await admin.list_consumer_group_offsets(group)
    ends = await probe.end_offsets([TopicPartition(topic, n) for topic in topics for n in range(PARTITIONS)])
    return all(not end or (place in committed and committed[place].offset >= end) for place, end in ends.items())


@pytest.mark.promise("EB3")
async def test_an_unknown_version_parks_its_key_and_others_flow(town: Town) -> None:
    one, other = town.homes(1, by_phone=False)[2:4]
    round_ = await town.open_round(1)
    await town.resident(other)
    held = town.codes[one.area, one.unit]["household_id"]
    await _send_unknown_version(town, held)
    parked = await _parked(town, held)
    assert [item["topic"] for item in parked] == [registry.HOUSEHOLD.name]
    assert UNREADABLE in parked[0]["error"]
    resident = await town.resident(one)
    await town.place(town.world.residents[other.line], town.order(round_, other))
    status, problem = await town.call(resident, "POST", "/v1/orders", town.order(round_, one))
    assert (status, problem["code"]) == (404, "not_found"), "the claim waits behind the parked event"
    for service in ("orders", "gateway"):
        for item in (await command(town, service, "parked", "list"))["items"]:
            if UNREADABLE in item["error"]:
                await command(town, service, "parked", "discard", str(item["id"]), "--note", "foreign version")
    assert (await town.place(resident, town.order(round_, one)))["state"] == "placed"
    assert not [item for item in (await command(town, "orders", "parked", "list"))["items"] if item["key"] == held]


async def _send_unknown_version(town: Town, key: str) -> None:
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(new_id()),
        "ce_type": "household.updated",
        "ce_source": f"/registry/household/{key}",
        "ce_dataschema": "/schemas/registry.household.v99",
        "content-type": "application/json",
    }
    producer = AIOKafkaProducer(bootstrap_servers=town.stack.env["LINLI_KAFKA_BOOTSTRAP"])
    await producer.start()
    try:
        record = [(name, value.encode()) for name, value in headers.items()]
        await producer.send_and_wait(registry.HOUSEHOLD.name, b"{}", key.encode(), headers=record)
    finally:
        await producer.stop()


async def _parked(town: Town, key: str) -> list[Json]:
    found: list[Json] = []

    async def there() -> bool:
        found[:] = [item for item in (await command(town, "orders", "parked", "list"))["items"] if item["key"] == key]
        return bool(found)

    await eventually(there, "the event to be parked")
    return found


@pytest.mark.promise("EB8")
async def test_the_broker_loses_everything(town: Town) -> None:
    home = town.homes(2, by_phone=False)[0]
    purchase_id, order = await town.sent_purchase(2, home, qty=3)
    lines = [{"item_id": line["item_id"], "confirmed_qty": 2} for line in order["lines"]]
    await town.confirm_purchase(purchase_id, lines)
    await town.told_of_shortage(town.world.residents[home.line])
    await quiet(town)
    before, happened = await hashes(town), await effects(town)
    assert not differing(before)

    kafka = town.stack.engines.kafka
    for act in (kafka.kill, kafka.wipe, kafka.start):
        await asyncio.to_thread(act)
    await asyncio.to_thread(town.stack.command, "shared.bus.topics")
    await asyncio.gather(*(command(town, service, "republish", "--reason", "broker wiped") for service in SERVICES))
    await eventually(lambda: _republished(town), "everything to be sent again", seconds=120)
    await eventually(lambda: _read_to_the_end(town), "every consumer to read the new log to its end", seconds=120)
    await quiet(town)

    after, since = await hashes(town), await effects(town)
    _print(before, after, happened, since)
    assert after == before
    assert not differing(after)
    assert since == happened
    assert len(town.receiver.ids) == len(set(town.receiver.ids))
    await _still_alive(town)


async def _republished(town: Town) -> bool:
    """Every service has sent its state again and the broker has it."""
    for service in SERVICES:
        rows = await select(town, service, "SELECT phase FROM republish_requests")
        if not rows or any(row["phase"] != "finished" for row in rows):
            return False
    return True


async def _still_alive(town: Town) -> None:
    """What happens next is told as ever."""
    await town.fresh()
    home = town.homes(2, by_phone=False)[1]
    purchase_id, _ = await town.sent_purchase(2, home, qty=1)
    await town.receiver.heard("purchase.sent", purchase_id)


def _print(before: Any, after: Any, happened: Counter[str], since: Counter[str]) -> None:
    for service in SERVICES:
        for kind in ("owned", "copied"):
            for topic, one in before[service][kind].items():
                print(f"{service:9} {kind:6} {topic:32} {one[:16]} → {after[service][kind].get(topic, '-')[:16]}")
    for what in sorted(happened | since):
        print(f"{what:60} {happened[what]:6} → {since[what]:6}")
