"""What the gateway's door costs: ``python -m tests.bench.forwarding`` (target P6).

One service that answers at once, asked directly and through the gateway in turns; the same connection, the same body.
Prints medians of the added time at one connection, requests per second at 32, and the gateway's CPU per request.
"""

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

from shared.auth import Grant, sign_token
from tests.engines import Run, shared_engines
from tests.integration.service import person, provisioned, signing_key

ROUNDS, ONE, MANY, CALLERS = 5, 1500, 6000, 32
BODY = b'{"round_id":"0195c2a0-0000-7000-8000-000000000001","lines":[{"qty":1},{"qty":2},{"qty":3}]}'
ANSWER = b'{"id":"0195c2a0-0000-7000-8000-000000000001","state":"placed","version":1}' * 6


async def stub(scope: dict, receive: object, send: object) -> None:  # type: ignore[type-arg]
    """The service."""
    if scope["type"] == "lifespan":
        return
    while (await receive()).get("more_body"):  # type: ignore[operator]
        pass
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())]
    await send({"type": "http.response.start", "status": 201, "headers": head})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": ANSWER})  # type: ignore[operator]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen([sys.executable, "-m", *arguments])
    try:
        yield started
    finally:
        started.terminate()
        started.wait(20)


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def ask(session: aiohttp.ClientSession, url: str, token: str, times: int) -> list[float]:
    took = []
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": "12345678"}
    for _ in range(times):
        began = time.perf_counter()
        async with session.post(url, data=BODY, headers=headers) as answer:
            assert answer.status == 201, await answer.text()
            await answer.read()
        took.append(time.perf_counter() - began)
    return took


async def until_ready(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(200):
            try:
                async with session.get(url) as answer:
                    if answer.status < 500:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    raise SystemExit(f"{url} does not answer")


async def measure(direct: str, through: str, pid: int) -> None:
    token = sign_token(person(Grant("community_worker", area="42.01.12.013.001")), signing_key())
    await until_ready(direct)
    await until_ready(f"{through.rpartition('/v1')[0]}/health/live")
    added, rates, cpu = [], [], []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CALLERS)) as session:
        for url in (direct, through):
            await ask(session, url, token, 300)
        for _ in range(ROUNDS):
            p50 = [statistics.median(await ask(session, url, token, ONE)) for url in (direct, through)]
            added.append((p50[1] - p50[0]) * 1e6)
            before, began = cpu_seconds(pid), time.perf_counter()
            await asyncio.gather(*(ask(session, through, token, MANY // CALLERS) for _ in range(CALLERS)))
            rates.append(MANY / (time.perf_counter() - began))
            cpu.append((cpu_seconds(pid) - before) / MANY * 1e6)
    print(f"added p50 at one connection: {statistics.median(added):.0f} µs")
    print(
        f"through the gateway, {CALLERS} callers: {statistics.median(rates):.0f}/s, CPU {statistics.median(cpu):.0f} µs"
    )


def main() -> None:
    run = Run()
    service, gateway = free_port(), free_port()
    try:
        with provisioned("gateway", shared_engines()):
            os.environ |= {
                "LINLI_GATEWAY_PORT": str(gateway),
                "LINLI_GATEWAY_ORDERS_URL": f"http://127.0.0.1:{service}",
                "LINLI_GATEWAY_REQUESTS_PER_MINUTE": "100000000",
            }
            upstream = ("uvicorn", "tests.bench.forwarding:stub", "--port", str(service), "--log-level", "error")
            with process(*upstream), process("services.gateway", "api") as api:
                direct, through = (f"http://127.0.0.1:{port}/v1/orders" for port in (service, gateway))
                asyncio.run(measure(direct, through, api.pid))
    finally:
        run.close()


if __name__ == "__main__":
    main()
