"""Every POST with an effect happens once per Idempotency-Key (IETF draft, Stripe).

The key row is written in the transaction of the effect, so only effects are remembered; a refusal is judged anew. No
body is stored: a replay renders the present row under the present rights.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar, get_type_hints
from uuid import UUID

from fastapi import Depends, Header, Request, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from shared.auth import Principal
from shared.database import fetched
from shared.problems import Conflict, Invalid, Malformed
from shared.web import Caller, Db

P = ParamSpec("P")
Row = TypeVar("Row", bound=SQLModel)

KeyHeader = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="8–128 characters, new for every new intent; kept 7 days."),
]


def checked_key(key: str | None) -> str:
    """The key without its optional quotes; raises Malformed when it is missing or has a wrong length."""
    if key is None:
        raise Malformed(
            (
                "请求缺少 Idempotency-Key。",
                "Send an Idempotency-Key header of 8 to 128 characters, new for each intent.",
            ),
            code="idempotency_key_missing",
        )
    key = key.strip().strip('"')
    if not 8 <= len(key) <= 128 or not key.isascii() or not key.isprintable():
        raise Malformed(("Idempotency-Key 须为 8–128 个字符。", "Idempotency-Key must have 8 to 128 ASCII characters."))
    return key


def fingerprint(body: bytes, content_type: str) -> bytes:
    """SHA-256 of the parsed body, so that white space and key order do not matter."""
    if body and "json" in content_type:
        with suppress(ValueError):  # the body's own validation refuses what is no JSON
            body = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(body).digest()


def key_reused() -> Invalid:
    return Invalid(
        (
            "该 Idempotency-Key 已用于不同内容, 请换一个。",
            "This Idempotency-Key was used with another body; use a new one.",
        ),
        code="idempotency_key_reused",
    )


def key_in_flight() -> Conflict:
    return Conflict(
        (
            "相同的请求正在处理, 请稍候用同一个键重试。",
            "The same request is in flight; wait, then repeat with the same key.",
        ),
        code="in_progress",
        headers={"Retry-After": "1"},
    )


class Once:
    """Runs a use case once per key and caller; a repeated call gets the present row of the first."""

    def __init__(self, db: AsyncSession, who: Principal, response: Response, key: str, route: str, body: bytes) -> None:
        self._db, self._who, self._response, self._key, self._route = db, who, response, key, route
        self._fingerprint = body

    def covers(self, content: bytes) -> None:
        """Makes an uploaded file part of what the key stands for."""
        self._fingerprint = hashlib.sha256(self._fingerprint + content).digest()

    async def __call__(
        self,
        use_case: Callable[Concatenate[AsyncSession, Principal, P], Awaitable[Row]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Row:
        """``await use_case(db, who, *args)``, whose row must have an ``id``; or, on a replay, that row as it is now."""
        if (ref := await self._seen()) is not None:
            self._response.headers["Idempotency-Replayed"] = "true"
            return await fetched(self._db, get_type_hints(use_case)["return"], ref)
        row = await use_case(self._db, self._who, *args, **kwargs)
        await self._db.flush()
        await self._db.execute(
            text(
                "INSERT INTO idempotency_keys (caller, key, route, fingerprint, ref)"
                " VALUES (:caller, :key, :route, :fingerprint, :ref)"
            ),
            {**self._scope(), "fingerprint": self._fingerprint, "ref": row.id},  # type: ignore[attr-defined]
        )
        return row

    def _scope(self) -> dict[str, Any]:
        return {"caller": self._who.id, "key": self._key, "route": self._route}

    async def _seen(self) -> UUID | None:
        # A second insert of the same key would wait for the first to commit; the advisory lock answers at once.
        lock = "SELECT pg_try_advisory_xact_lock(hashtextextended(:caller || ' ' || :route || ' ' || :key, 7))"
        if not (await self._db.execute(text(lock), {**self._scope(), "caller": str(self._who.id)})).scalar_one():
            raise key_in_flight()
        find = "SELECT fingerprint, ref FROM idempotency_keys WHERE caller = :caller AND key = :key AND route = :route"
        found = (await self._db.execute(text(find), self._scope())).one_or_none()
        if found is None:
            return None
        if bytes(found.fingerprint) != self._fingerprint:
            raise key_reused()
        return UUID(str(found.ref))


async def _once(request: Request, response: Response, db: Db, who: Caller, key: KeyHeader = None) -> Once:
    content_type = request.headers.get("content-type", "")
    body = b"" if content_type.startswith("multipart/") else await request.body()
    route = f"{request.method} {request.url.path}"
    return Once(db, who, response, checked_key(key), route, fingerprint(body, content_type))


OnceKey = Annotated[Once, Depends(_once, scope="function")]
