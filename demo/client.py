"""A client of the gateway as a frontend app would be: keys, retries and refresh as the API's convention says.

Every accepted write goes to the caller's own ledger, so that the end can be compared with the services' books. An
outcome that stays unknown is an error here, never a guess.
"""

import asyncio
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import aiohttp

from shared.ids import new_id

ATTEMPTS = 12
WAIT_CODES = {"in_progress", "not_yet_known", "rate_limited", "unavailable", "storage_full"}
Json = dict[str, Any]


class Refused(Exception):
    """The API said no; ``problem`` is its problem+json document."""

    def __init__(self, problem: Mapping[str, Any], call: str) -> None:
        self.problem, self.code, self.status = problem, str(problem.get("code")), int(problem.get("status", 0))
        super().__init__(f"{call}: {self.status} {self.code} {problem.get('detail')} {problem.get('errors', '')}")


@dataclass
class Tokens:
    """What a sign-in gave; the refresh token changes with every use."""

    access: str
    refresh: str | None = None


class Api:
    """One pooled connection set for all the demo's people; ``as_`` gives each their own voice."""

    def __init__(self, base: str, connections: int = 64) -> None:
        self.base = base.rstrip("/")
        self._limit = connections
        self.calls = 0
        self.retries = 0

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._limit, keepalive_timeout=60),
            timeout=aiohttp.ClientTimeout(total=20),
            headers={"Accept-Language": "en"},
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    def as_(self, tokens: Tokens | None) -> "Caller":
        return Caller(self, tokens)

    async def exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: Any
    ) -> tuple[int, Json, Mapping[str, str]]:
        """One HTTP exchange; (status, parsed body, headers)."""
        self.calls += 1
        data = body if body is None or isinstance(body, bytes | aiohttp.FormData) else json.dumps(body).encode()
        if isinstance(body, dict | list):
            headers = {**headers, "Content-Type": "application/json"}
        async with self._http.request(
            method, self.base + path, data=data, headers=headers, allow_redirects=False
        ) as answer:
            raw = await answer.read()
            parsed = json.loads(raw) if raw and "json" in answer.content_type else {"raw": raw}
            return answer.status, parsed, answer.headers


class Caller:
    """One person or system that calls the API with their own token."""

    def __init__(self, api: Api, tokens: Tokens | None) -> None:
        self._api, self.tokens, self.person_id = api, tokens, ""
        self.unanswered = 0

    async def get(self, path: str) -> Json:
        return await self._call("GET", path, {}, None)

    async def items(self, path: str) -> list[Json]:
        """All pages of a list."""
        found: list[Json] = []
        cursor = ""
        while True:
            page = await self.get(f"{path}{'&' if '?' in path else '?'}limit=200{cursor}")
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    async def post(self, path: str, body: Any = None, *, key: str | UUID | None = None) -> Json:
        headers = {"Idempotency-Key": str(key or new_id())}
        return await self._call("POST", path, headers, {} if body is None else body)

    async def search(self, path: str, body: Json) -> Json:
        """A POST that only reads: personal data never stands in a URL."""
        return await self._call("POST", path, {}, body)

    async def change(self, method: str, path: str, version: int, body: Any = None) -> Json:
        return await self._call(method, path, {"If-Match": f'"{version}"'}, body)

    async def upload(self, path: str, name: str, content: bytes, fields: Mapping[str, str] | None = None) -> Json:
        form = aiohttp.FormData()
        form.add_field("file", content, filename=name, content_type="text/csv")
        for field, value in (fields or {}).items():
            form.add_field(field, value)
        return await self._call("POST", path, {"Idempotency-Key": str(new_id())}, form)

    async def _call(self, method: str, path: str, headers: dict[str, str], body: Any) -> Json:
        refreshed = False
        for attempt in range(ATTEMPTS):
            sent = {**headers, **({"Authorization": f"Bearer {self.tokens.access}"} if self.tokens else {})}
            try:
                status, answer, received = await self._api.exchange(method, path, sent, body)
            except (aiohttp.ClientError, TimeoutError):
                status, answer, received = 0, {"code": "no_answer"}, {}
            if 200 <= status < 300:
                return answer
            if status == 401 and answer.get("code") == "token_expired" and not refreshed and await self.refresh():
                refreshed = True
                continue
            if not self._again(status, answer):
                raise Refused(answer, f"{method} {path}")
            self._api.retries += 1
            self.unanswered += 1
            await asyncio.sleep(_pause(attempt, received.get("Retry-After")))
        raise Refused(answer, f"{method} {path} (outcome unknown after {ATTEMPTS} attempts)")

    @staticmethod
    def _again(status: int, answer: Json) -> bool:
        return answer.get("code") in WAIT_CODES or status in (0, 429, 500, 502, 503, 504, 507)

    async def refresh(self) -> bool:
        """Trades the refresh token for the next pair; False when there is none or it is refused."""
        if self.tokens is None or self.tokens.refresh is None:
            return False
        body = {"refresh_token": self.tokens.refresh}
        status, answer, _ = await self._api.exchange("POST", "/v1/sessions/refresh", {}, body)
        if status != 200:
            return False
        self.tokens = Tokens(answer["access_token"], answer["refresh_token"])
        return True


def _pause(attempt: int, retry_after: str | None) -> float:
    if retry_after and retry_after.isdecimal():
        return min(float(retry_after), 30.0)
    return float(min(30.0, 0.1 * 2**attempt) * random.uniform(0.8, 1.2))
