"""The services behind the door: one pool, one cap and one breaker for each."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
import structlog
from multidict import CIMultiDict
from yarl import URL

from services.gateway.routing.bodies import ClientGone, RequestBody
from services.gateway.routing.breaker import Breaker, RetryBudget
from services.gateway.routing.headers import Raw
from services.gateway.routing.owners import OWNED
from services.gateway.settings import GatewaySettings
from shared.problems import Problem, Unavailable

log = structlog.get_logger()
POOL_IDLE_SECONDS = 30
"""Shorter than the 75 s for which the services keep a connection: no request meets a closing one."""
CONNECT_SECONDS = 0.5
WRITTEN_BY_US = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


class Upstream:
    """One service as seen from this process."""

    def __init__(self, name: str, url: str, concurrency: int, session: aiohttp.ClientSession) -> None:
        self.name, self._url, self._session = name, url, session
        self._left = concurrency
        self._breaker = Breaker()
        self.retries = RetryBudget()

    @asynccontextmanager
    async def exchange(
        self, method: str, target: str, headers: list[Raw], body: RequestBody
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Sends one request and gives its answer, head first.

        Raises Unavailable (breaker open, cap reached, no connection), Problem ``bad_upstream`` (connection lost midway,
        outcome unknown), TooLarge, ClientGone. The caller's deadline is outside.
        """
        if self._left <= 0 or self._breaker.is_open:
            raise self._unavailable()
        self._left -= 1
        outcome: bool | None = None
        try:
            answer = await self._send(method, target, headers, body)
            outcome = True
            async with answer:
                yield answer
        except asyncio.CancelledError:
            outcome = bool(outcome)  # our own deadline: the service was too slow
            raise
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            outcome = False
            raise self._unavailable() from error
        except (aiohttp.ClientError, OSError) as error:
            if body.too_large:
                raise body.refusal() from error
            if body.client_gone:
                raise ClientGone from error
            outcome = bool(outcome)
            raise Problem(
                ("内部服务连接中断, 结果未知; 请用同一个键重试。", "The service broke off; repeat with the same key."),
                code="bad_upstream",
            ) from error
        finally:
            self._left += 1
            self._settle(outcome)

    async def _send(self, method: str, target: str, headers: list[Raw], body: RequestBody) -> aiohttp.ClientResponse:
        data = body.held or None if body.held is not None else body.parts()
        named = CIMultiDict((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
        return await self._session.request(
            method,
            URL(self._url + target, encoded=True),
            headers=named,
            data=data,
            allow_redirects=False,
            skip_auto_headers=WRITTEN_BY_US,
        )

    def _settle(self, outcome: bool | None) -> None:
        if outcome is None:
            self._breaker.gave_up()
        elif outcome:
            self._breaker.succeeded()
        else:
            self._breaker.failed()

    def _unavailable(self) -> Unavailable:
        return Unavailable(
            (f"{self.name} 服务暂不可用, 请稍候重试。", f"The {self.name} service does not answer; try again shortly."),
            headers={"Retry-After": "1"},
        )


@asynccontextmanager
async def open_upstreams(settings: GatewaySettings) -> AsyncIterator[Mapping[str, Upstream]]:
    """The three services, with one pooled session that neither decodes, nor follows, nor keeps cookies."""
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=POOL_IDLE_SECONDS, use_dns_cache=True, ttl_dns_cache=30)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        trust_env=False,
        read_bufsize=256 << 10,
    ) as session:
        yield {name: Upstream(name, settings.url_of(name), settings.upstream_concurrency, session) for name in OWNED}
