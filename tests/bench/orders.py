"""``python -m tests.bench.orders [--seconds 5] [--runs 5] [--gateway]``: orders per second, and pgbench beside it.

Through the orders service, or with ``--gateway`` through the gateway before it.

Both write the same rows of an order with three lines into the same tables, on an engine that waits for its disk, in
turns; figures are medians. pgbench sends one statement per order: no judging, no locks in order, no HTTP. The client of
the service shares the machine's cores with it, so the ratio is the service's worst case.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg

from deploy.laptop.engines import Engines
from deploy.laptop.ports import free_port
from deploy.laptop.postgres import binaries
from services.orders.service import SERVICE
from shared.auth import sign_token
from shared.ids import new_id
from tests.engines import SharedEngines
from tests.integration.orders.street import Home, Street
from tests.integration.service import Running, provisioned, running, signing_key

ITEMS, HOMES, COMMUNITIES, ROUNDS, LINES = 50, 700, 2, 4, 3
PGBENCH = """
\\set r random(1, {rounds})
\\set a random(0, {items} - 3)
\\set q random(1, 3)
WITH o AS (SELECT uuidv7() AS id, uuidv7() AS journal, ({round})[:r] AS round_id),
items AS (SELECT item_id FROM purchase_items WHERE purchase_id = '{purchase}'
  ORDER BY item_id OFFSET :a LIMIT {lines}),
new_order AS (INSERT INTO orders (id, version, area, community_area, code, round_id, purchase_id, household_id,
  buyer_id, placed_by, channel, state, handover, taken_at, placed_at)
  SELECT id, 1, '{area}.c01.b01', '{area}', id::text, round_id, '{purchase}', uuidv7(), uuidv7(), uuidv7(), 'app',
  'placed', 'gate', now(), now() FROM o),
money AS (INSERT INTO order_money (order_id, owed_fen) SELECT id, 2100 FROM o),
journal AS (INSERT INTO journals (id, kind, area, order_id, purchase_id)
  SELECT journal, 'charge', '{area}', id, '{purchase}' FROM o),
postings AS (INSERT INTO postings (id, journal_id, account, amount_fen)
  SELECT uuidv7(), journal, account, fen
  FROM o, (VALUES ('receivable', 2100), ('store_payable', -2100)) AS v (account, fen)),
event AS (INSERT INTO outbox (event_id, topic, key, seq, type, payload)
  SELECT uuidv7(), 'orders.order.v1', id, 1, 'order.placed', '{payload}' FROM o),
key AS (INSERT INTO idempotency_keys (caller, key, route, fingerprint, ref)
  SELECT uuidv7(), id::text, 'POST /v1/orders', '\\x00', id FROM o),
lines AS (INSERT INTO order_lines (id, order_id, purchase_id, item_id, requested, charged_fen, unit_price_fen,
  substitution) SELECT uuidv7(), id, '{purchase}', item_id, :q, :q * 700, 700, 'refund' FROM o, items),
sold AS (UPDATE purchase_items i SET "left" = i."left" - :q FROM items
  WHERE i.purchase_id = '{purchase}' AND i.item_id = items.item_id)
UPDATE round_counters c SET orders = c.orders + 1, next_number = c.next_number + 1 FROM o
WHERE c.round_id = o.round_id;
"""


@dataclass
class Market:
    """What is open for orders."""

    street: Street
    rounds: list[dict[str, Any]]
    homes: list[list[Home]]
    tokens: dict[UUID, str]


async def open_market(orders: Running) -> Market:
    street = await Street.found(orders)
    store = street.as_(street.manager)
    for n in range(ITEMS):
        item = {"store_id": str(street.store_id), "name": f"i{n}", "unit": "份", "weight_g": 500, "storage": "normal"}
        street.items[f"i{n}"] = UUID((await street.ok(store.post, "/v1/catalog-items", item))["id"])
    names = [f"i{n}" for n in range(ITEMS)]
    await street.sign_prices(dict.fromkeys(names, 700))
    purchase = await street.purchase(dict.fromkeys(names, 1_000_000), send_in=80_000)
    rounds = [await street.open_round(purchase, n % COMMUNITIES) for n in range(COMMUNITIES * ROUNDS)]
    homes = [await street.homes(HOMES, c) for c in range(COMMUNITIES)]
    tokens = {h.resident.id: sign_token(h.resident, signing_key(), 86_400) for group in homes for h in group}
    return Market(street, rounds, homes, tokens)


def an_order(market: Market) -> tuple[str, bytes]:
    """(token, body) of a random household's order of three items."""
    n = random.randrange(len(market.rounds))
    home = random.choice(market.homes[n % COMMUNITIES])
    items = random.sample(range(ITEMS), LINES)
    body = market.street.wish(market.rounds[n], home, **{f"i{i}": random.randint(1, 3) for i in items})
    return market.tokens[home.resident.id], json.dumps(body).encode()


async def load(market: Market, url: str, callers: int, seconds: float) -> dict[str, float]:
    """Accepted orders per second and latencies in ms."""
    times: list[float] = []
    other = 0
    until = time.perf_counter() + seconds
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=callers)) as session:

        async def caller() -> None:
            nonlocal other
            while (begin := time.perf_counter()) < until:
                token, body = an_order(market)
                headers = {
                    "Authorization": f"Bearer {token}",
                    "Content-Type": "application/json",
                    "Idempotency-Key": str(new_id()),
                }
                async with session.post(url, data=body, headers=headers) as answer:
                    await answer.read()
                    if answer.status == 201:
                        times.append(time.perf_counter() - begin)
                    else:
                        other += 1

        await asyncio.gather(*(caller() for _ in range(callers)))
    times.sort()
    return {
        "per_second": len(times) / seconds,
        "p50_ms": 1000 * times[len(times) // 2],
        "p99_ms": 1000 * times[int(len(times) * 0.99)],
        "refused": other,
    }


def pgbench(market: Market, callers: int, seconds: int, folder: Path) -> float:
    """Transactions per second of the same rows, one statement each."""
    ids = [f"'{r['id']}'::uuid" for r in market.rounds]
    script = folder / "order.sql"
    payload = json.dumps({"id": str(new_id()), "lines": [{"item_id": str(new_id())} for _ in range(9)]})
    script.write_text(
        PGBENCH.format(
            rounds=len(ids),
            items=ITEMS,
            lines=LINES,
            round=f"ARRAY[{','.join(ids)}]",
            area=market.street.communities[0],
            purchase=market.rounds[0]["purchase_id"],
            payload=payload,
        )
    )
    command = [binaries() / "pgbench", "-n", "-M", "prepared", "-c", callers, "-j", 2, "-T", seconds, "-f", script]
    done = subprocess.run(
        [*map(str, command), os.environ["LINLI_ORDERS_OWNER_URL"]], capture_output=True, text=True, check=True
    )
    [line] = [line for line in done.stdout.splitlines() if line.startswith("tps")]
    return float(line.split()[2])


@contextmanager
def serving(name: str, folder: Path, **environment: str) -> Iterator[tuple[str, int]]:
    """A service's API in a process of its own: (base URL, process id)."""
    port = free_port()
    settings = os.environ | environment | {f"LINLI_{name.upper()}_PORT": str(port)}
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", f"services.{name}", "api"], env=settings, stdout=log)
    try:
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def service(folder: Path, gateway: bool) -> Iterator[tuple[str, list[int]]]:
    """(URL of orders, ids of our processes that a request passes)."""
    with serving("orders", folder) as (orders_url, orders_pid):
        if not gateway:
            yield f"{orders_url}/v1/orders", [orders_pid]
            return
        wide = dict.fromkeys(
            ("LINLI_GATEWAY_REQUESTS_PER_MINUTE", "LINLI_GATEWAY_ANONYMOUS_REQUESTS_PER_MINUTE"), "9000000"
        )
        with serving("gateway", folder, LINLI_GATEWAY_ORDERS_URL=orders_url, **wide) as (url, pid):
            yield f"{url}/v1/orders", [orders_pid, pid]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_of_postgres(postmaster: int) -> float:
    """Of the server's processes that live now."""
    total = 0.0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == postmaster:
                total += cpu_seconds(int(entry.name))
        except OSError:
            continue
    return total


async def postmaster_of(admin_url: str) -> int:
    connection = await asyncpg.connect(admin_url)
    try:
        folder = await connection.fetchval("SHOW data_directory")
    finally:
        await connection.close()
    return int((Path(folder) / "postmaster.pid").read_text().split()[0])


async def ready(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(200):
            try:
                async with session.get(url) as answer:
                    if answer.status < 500:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    raise SystemExit("the service did not start; see api.log")


async def measure(admin_url: str, folder: Path, runs: int, seconds: int, gateway: bool) -> list[dict[str, Any]]:
    results = []
    server = await postmaster_of(admin_url)
    async with running(SERVICE) as orders:
        market = await open_market(orders)
        with service(folder, gateway) as (url, pids):
            await ready(url)
            await load(market, url, 32, 3)  # warm
            for callers in (8, 32, 128):
                ours, theirs, cpu, cpu_pg = [], [], [], []
                for _ in range(runs):
                    before, before_pg = sum(map(cpu_seconds, pids)), cpu_of_postgres(server)
                    ours.append(await load(market, url, callers, seconds))
                    accepted = ours[-1]["per_second"] * seconds
                    cpu.append(1e6 * (sum(map(cpu_seconds, pids)) - before) / accepted)
                    cpu_pg.append(1e6 * (cpu_of_postgres(server) - before_pg) / accepted)
                    theirs.append(await asyncio.to_thread(pgbench, market, min(callers, 32), seconds, folder))
                results.append(_summary(callers, ours, theirs, cpu, cpu_pg))
                print(json.dumps(results[-1]), flush=True)
    return results


def _summary(
    callers: int, ours: list[dict[str, float]], theirs: list[float], cpu: list[float], cpu_pg: list[float]
) -> dict[str, Any]:
    middle = {name: round(statistics.median(run[name] for run in ours), 1) for name in ours[0]}
    tps = statistics.median(theirs)
    return {
        "callers": callers,
        **middle,
        "pgbench_tps": round(tps),
        "ratio": round(middle["per_second"] / tps, 2),
        "service_cpu_us": round(statistics.median(cpu)),
        "postgres_cpu_us": round(statistics.median(cpu_pg)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--gateway", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="linli-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        engines = Engines(folder / "engines", durable=True)
        with engines:
            shared = SharedEngines(engines.postgres_admin_url, engines.kafka_bootstrap)
            with provisioned("orders", shared), provisioned("gateway", shared):
                asyncio.run(measure(engines.postgres_admin_url, folder, options.runs, options.seconds, options.gateway))
        engines.discard()


if __name__ == "__main__":
    main()
