"""The services' own books, read without changing anything: read-only SQL, the log itself, each service's commands."""

import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.bus.topics import PARTITIONS
from shared.contracts.base import all_topics
from shared.settings import SERVICES

Row = dict[str, Any]

QUERIES = {
    "orders": "SELECT id::text, state, reason, household_id::text, round_id::text, channel FROM orders",
    "lines": "SELECT l.id::text, l.order_id::text, l.purchase_id::text, l.item_id::text, l.requested, l.allocated,"
    " l.handed_over, l.refunded, l.substitute_for::text, o.state, o.household_id::text, o.round_id::text"
    " FROM order_lines l JOIN orders o ON o.id = l.order_id",
    "items": 'SELECT purchase_id::text, item_id::text, initial, "left", ration, confirmed, received'
    " FROM purchase_items",
    "parcels": "SELECT id::text, order_id::text, state, reason FROM parcels",
    "money": "SELECT order_id::text, owed_fen, collected_fen, remitted_fen, refund_due_fen, refunded_fen"
    " FROM order_money",
    "postings": "SELECT journal_id::text, account, amount_fen FROM postings",
    "shortages": "SELECT id::text, household_id::text, purchase_id::text, reason FROM shortages",
}
SMS_OUTBOX, SIGNATURE = "LINLI_GATEWAY_SMS_OUTBOX", "【邻里】"
NOTIFICATIONS = (
    "SELECT id::text, household_id::text, refs->>'purchase_id' AS purchase_id, kind, told_once_as, zh, channel, state"
    " FROM notifications"
)
DELIVERIES = (
    "SELECT id::text, endpoint_id::text, event_id::text AS webhook_id, entity_id::text, seq, state"
    " FROM webhook_deliveries"
)


@dataclass
class Bus:
    """One service's side of the bus. ``claims``: consumer → event ids in its inbox."""

    outbox: dict[str, tuple[str, str]] = field(default_factory=dict)
    """event id → (topic, type)"""
    unpublished: int = 0
    claims: dict[str, list[str]] = field(default_factory=dict)
    parked: int = 0
    listens: list[Row] = field(default_factory=list)
    owner_hashes: dict[str, str] = field(default_factory=dict)
    copy_hashes: dict[str, str] = field(default_factory=dict)


@dataclass
class Books:
    """Everything the invariants are computed from."""

    orders: list[Row] = field(default_factory=list)
    lines: list[Row] = field(default_factory=list)
    items: list[Row] = field(default_factory=list)
    parcels: list[Row] = field(default_factory=list)
    money: list[Row] = field(default_factory=list)
    postings: list[Row] = field(default_factory=list)
    shortages: list[Row] = field(default_factory=list)
    notifications: list[Row] = field(default_factory=list)
    deliveries: list[Row] = field(default_factory=list)
    received: dict[str, list[Row]] = field(default_factory=dict)
    """endpoint id → lines of the receiver's own ledger"""
    sms: list[Row] = field(default_factory=list)
    bus: dict[str, Bus] = field(default_factory=dict)
    log: dict[str, int] = field(default_factory=dict)
    """event id → how often it stands in the log (more than once is allowed, never is not)"""


async def read_books(env: Mapping[str, str], ledgers: Mapping[str, Path]) -> Books:
    """Reads all books side by side. ``ledgers``: webhook endpoint id → its receiver's file."""
    books = Books()
    rows = await _select(env["LINLI_ORDERS_WORKER_URL"], QUERIES)
    for name, found in rows.items():
        setattr(books, name, found)
    gateway = await _select(env["LINLI_GATEWAY_WORKER_URL"], {"notifications": NOTIFICATIONS, "deliveries": DELIVERIES})
    books.notifications, books.deliveries = gateway["notifications"], gateway["deliveries"]
    for service in SERVICES:
        books.bus[service] = await _bus(env, service)
    books.log = await _log(env["LINLI_KAFKA_BOOTSTRAP"])
    books.received = {endpoint: _lines(path) for endpoint, path in ledgers.items()}
    books.sms = [row | {"text": row["text"].removeprefix(SIGNATURE)} for row in _lines(Path(env[SMS_OUTBOX]))]
    return books


async def _select(url: str, queries: Mapping[str, str]) -> dict[str, list[Row]]:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return {name: [dict(row) for row in await connection.fetch(query)] for name, query in queries.items()}
    finally:
        await connection.close()


async def _bus(env: Mapping[str, str], service: str) -> Bus:
    found = await _select(
        env[f"LINLI_{service.upper()}_WORKER_URL"],
        {
            "outbox": "SELECT event_id::text, topic, type, published_at IS NOT NULL AS sent FROM outbox",
            "claims": "SELECT consumer, event_id::text FROM inbox",
            "parked": "SELECT event_id::text FROM parked_events",
        },
    )
    claims: dict[str, list[str]] = defaultdict(list)
    for row in found["claims"]:
        claims[row["consumer"]].append(row["event_id"])
    hashes = await command(env, service, "hashes")
    return Bus(
        outbox={row["event_id"]: (row["topic"], row["type"]) for row in found["outbox"]},
        unpublished=sum(not row["sent"] for row in found["outbox"]),
        claims=claims,
        parked=len(found["parked"]),
        listens=(await command(env, service, "listens"))["subscriptions"],
        owner_hashes=hashes["owned"],
        copy_hashes=hashes["copied"],
    )


async def command(env: Mapping[str, str], service: str, *words: str) -> Any:
    """What ``python -m services.<service> …`` prints, as JSON."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"services.{service}", *words, env=dict(env), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"services.{service} {' '.join(words)} ended with {process.returncode}")
    return json.loads(printed)


async def _log(bootstrap: str) -> dict[str, int]:
    """Every event id in every partition, with how often it stands there."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    counts: dict[str, int] = defaultdict(int)
    try:
        partitions = [TopicPartition(topic.name, number) for topic in all_topics() for number in range(PARTITIONS)]
        ends = {p: end for p, end in (await consumer.end_offsets(partitions)).items() if end}
        consumer.assign(list(ends))
        await consumer.seek_to_beginning()
        while any([await consumer.position(p) < end for p, end in ends.items()]):
            for messages in (await consumer.getmany(timeout_ms=500, max_records=5000)).values():
                for message in messages:
                    counts[_event_id(message.headers)] += 1
    finally:
        await consumer.stop()
    return dict(counts)


def _event_id(headers: Iterable[tuple[str, bytes]]) -> str:
    return dict(headers)["ce_id"].decode()


def _lines(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
