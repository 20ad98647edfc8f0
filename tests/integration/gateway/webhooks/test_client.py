"""The client that talks to strangers, against strangers who misbehave."""

import asyncio
import contextlib
import gzip
import resource
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
from aiohttp import web

from services.gateway.webhooks.client import WebhookClient
from services.gateway.webhooks.egress import Egress
from tests.integration.gateway.receivers import Received, Receiver, receiving

LOOPBACK = Egress(("127.0.0.0/8",))


@pytest.fixture
async def client() -> AsyncIterator[WebhookClient]:
    async with WebhookClient(LOOPBACK, deadline=1.0, connections=8) as made:
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


async def test_delivers_the_bytes_and_headers_as_given(client: WebhookClient, receiver: Receiver) -> None:
    answer = await client.post(receiver.url, b'{"a":1}', {"webhook-id": "m"})
    assert (answer.status, answer.error) == (204, None)
    assert receiver.got[0].body == b'{"a":1}'
    assert receiver.got[0].headers["webhook-id"] == "m"
    assert receiver.got[0].headers["Content-Type"] == "application/json"


@pytest.mark.promise("WO5")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_never_follows_a_redirect(client: WebhookClient, receiver: Receiver, status: int) -> None:
    async with receiving() as target:
        receiver.answer = lambda _: web.Response(status=status, headers={"Location": target.url})
        answer = await client.post(receiver.url, b"{}", {})
        assert (answer.status, answer.error) == (status, "redirected")
        assert target.got == []


@pytest.mark.promise("WO4")
async def test_a_dripping_answer_ends_at_the_deadline(client: WebhookClient, receiver: Receiver) -> None:
    async def drip(received: Received) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(received.request)
        for _ in range(100):
            await response.write(b"x")
            await asyncio.sleep(0.1)
        return response

    receiver.answer = drip
    started = time.monotonic()
    assert (await client.post(receiver.url, b"{}", {})).error == "timeout"
    assert time.monotonic() - started < 2


@pytest.mark.promise("WO4")
@pytest.mark.parametrize("encoding", [None, "gzip"])
async def test_an_endless_answer_is_cut_off(client: WebhookClient, receiver: Receiver, encoding: str | None) -> None:
    block = gzip.compress(b"\0" * (64 << 20)) if encoding else b"x" * (1 << 20)

    async def flood(received: Received) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Encoding": encoding} if encoding else {})
        await response.prepare(received.request)
        for _ in range(1024):
            await response.write(block)
        return response

    receiver.answer = flood
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = await client.post(receiver.url, b"{}", {})
    assert (answer.status, answer.error) == (200, None)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30 << 10  # KiB; the server's share included


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0), ("soon", None)])
async def test_reads_both_forms_of_retry_after(
    client: WebhookClient, receiver: Receiver, header: str, seconds: float | None
) -> None:
    receiver.answer = lambda _: web.Response(status=429, headers={"Retry-After": header})
    assert (await client.post(receiver.url, b"{}", {})).retry_after == seconds


HTTP = b"HTTP/1.1 200 OK\r\n"
NONSENSE = {
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
    "nothing": b"",
    "zeros": b"\0\xff\0\xff",
    "status": b"HTTP/1.1 99999 OK\r\n\r\n",
    "length": HTTP + b"Content-Length: -5\r\n\r\n",
    "chunks": HTTP + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nabc",
    "cut": HTTP + b"Content-Length: 500\r\n\r\nabc",
    "long_header": HTTP + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
    "many_headers": HTTP + b"".join(b"X%d: y\r\n" % i for i in range(20_000)) + b"\r\n",
    "location": b"HTTP/1.1 200 OK\r\nRetry-After: \xff\xfe\r\nSet-Cookie: \x01\r\nContent-Length: 9\r\n\r\n",
}


@pytest.mark.parametrize("name", NONSENSE)
async def test_nonsense_is_a_failed_attempt(client: WebhookClient, name: str) -> None:
    with listening(NONSENSE[name]) as port:
        answer = await client.post(f"http://127.0.0.1:{port}/", b"{}", {})
    assert answer.error in ("connection_failed", "timeout")


async def test_nobody_there(client: WebhookClient) -> None:
    with listening(b"") as port:
        await client.post(f"http://127.0.0.1:{port}/", b"{}", {})
    assert (await client.post(f"http://127.0.0.1:{port}/", b"{}", {})).error == "connection_failed"


async def test_a_receiver_without_tls(client: WebhookClient, receiver: Receiver) -> None:
    assert (await client.post(receiver.url.replace("http:", "https:"), b"{}", {})).error == "tls_failed"


@pytest.mark.promise("WO10")
async def test_connects_to_no_private_address_whatever_the_name_says(receiver: Receiver) -> None:
    port = receiver.url.rpartition(":")[2].partition("/")[0]
    async with WebhookClient(Egress(()), deadline=1.0, connections=4) as strict:
        for url in (receiver.url, f"https://127.0.0.1:{port}/hooks", f"https://localhost:{port}/hooks"):
            assert (await strict.post(url, b"{}", {})).error == "url_refused"
    assert receiver.got == []


@pytest.mark.promise("WO10")
async def test_a_name_that_answers_loopback_is_refused_at_the_socket(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rebinding: the name server says public once and loopback the next time."""
    looked_up: list[str] = []
    resolve = asyncio.get_running_loop().getaddrinfo

    async def rebound(host: str, port: int, **options: object) -> object:
        looked_up.append(host)
        return await resolve("127.0.0.1", port, type=socket.SOCK_STREAM)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", rebound)
    async with WebhookClient(Egress(()), deadline=1.0, connections=4) as strict:
        answer = await strict.post("https://returns.example.com/hooks", b"{}", {})
    assert looked_up
    assert answer.error == "address_refused"


@pytest.mark.promise("WO14")
async def test_asks_for_consent(client: WebhookClient, receiver: Receiver) -> None:
    receiver.consent = "linli.example"
    answer, allowed = await client.ask_consent(receiver.url, "linli.example")
    assert (answer.error, allowed) == (None, "linli.example")
    assert receiver.asked[0]["WebHook-Request-Origin"] == "linli.example"


@contextmanager
def listening(greeting: bytes) -> Iterator[int]:
    """Something on a port that speaks no HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def greet() -> None:
            connection, _ = server.accept()
            connection.recv(65536)
            with contextlib.suppress(OSError):
                connection.sendall(greeting)
            connection.close()

        asyncio.get_running_loop().run_in_executor(None, greet)
        yield port
