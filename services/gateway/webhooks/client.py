"""The one HTTP client that talks to strangers: no redirect, no proxy, no cookie, a total deadline, a bounded answer."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import aiohttp
import structlog

from services.gateway.webhooks.domain import GONE, Answer, Error
from services.gateway.webhooks.egress import AddressRefused, Egress

READ_AT_MOST = 64 << 10
log = structlog.get_logger()
USER_AGENT = "Linli-Webhooks/1"


class WebhookClient:
    """Open it once per process; ``post`` and ``ask_consent`` never raise for what the other side does."""

    def __init__(self, egress: Egress, *, deadline: float, connections: int) -> None:
        self._egress, self._deadline, self._connections = egress, deadline, connections

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._connections,
                ttl_dns_cache=30,
                keepalive_timeout=30,
                socket_factory=self._egress.make_socket,
            ),
            timeout=aiohttp.ClientTimeout(total=self._deadline, sock_connect=5),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
            auto_decompress=False,
            trust_env=False,
            max_line_size=8190,
            max_field_size=8190,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """One attempt."""
        answer, _ = await self._exchange("POST", url, body, {**headers, "Content-Type": "application/json"})
        return answer

    async def ask_consent(self, url: str, origin: str) -> tuple[Answer, str | None]:
        """The handshake of CloudEvents' HTTP web hooks; the second value is ``WebHook-Allowed-Origin``."""
        headers = {"WebHook-Request-Origin": origin, "WebHook-Request-Rate": "600"}
        answer, received = await self._exchange("OPTIONS", url, None, headers)
        return answer, received.get("WebHook-Allowed-Origin")

    async def _exchange(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[Answer, Mapping[str, str]]:
        started = time.monotonic()
        status, received, error = None, {}, None
        wish: float | None = None
        try:
            self._egress.check_url(url)
            async with self._http.request(method, url, data=body, headers=headers, allow_redirects=False) as answer:
                status, received = answer.status, dict(answer.headers)
                error, wish = _error_of(status), _retry_after(answer.headers.get("Retry-After"))
                await _drain(answer)
        except Exception as failure:
            error = _failure(failure)
            if not isinstance(failure, aiohttp.ClientError | OSError | ValueError):
                log.exception("webhook_client_surprised")  # a stranger's answer must never end the worker
        return Answer(status, error, round((time.monotonic() - started) * 1000), wish), received


async def _drain(answer: aiohttp.ClientResponse) -> None:
    """Reads a short answer, so that the connection can be used again; hangs up on a long one."""
    left = READ_AT_MOST
    async for chunk in answer.content.iter_chunked(16 << 10):
        left -= len(chunk)
        if left <= 0:
            answer.close()
            return


def _error_of(status: int) -> Error | None:
    if 200 <= status < 300:
        return None
    if status == GONE:
        return "gone"
    return "redirected" if 300 <= status < 400 else "status"


def _failure(failure: Exception) -> Error:
    cause = getattr(failure, "os_error", failure)
    if isinstance(cause, AddressRefused) or (isinstance(cause, OSError) and "is not allowed" in str(cause)):
        return "address_refused"
    if isinstance(failure, TimeoutError):
        return "timeout"
    if isinstance(failure, aiohttp.ClientSSLError):
        return "tls_failed"
    if isinstance(failure, ValueError):
        return "url_refused"
    return "connection_failed"


def _retry_after(header: str | None) -> float | None:
    """Seconds, from either form of the header (RFC 9110, 10.2.3); None when it says nothing usable."""
    if header is None:
        return None
    if header.strip().isdecimal() and header.isascii():
        return float(header[:12])
    try:
        until = parsedate_to_datetime(header)
    except (ValueError, TypeError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
