"""From the ``Authorization`` header to a Principal, in the process of a service's API."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import httpx
from joserfc.jwk import KeySet
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from shared.auth import Principal, Right, TokenCache, principal_of, read_token
from shared.database import Database
from shared.problems import Unauthenticated, Unavailable

JWKS_SECONDS = 300
REVOCATIONS_SECONDS = 10
REVOCATIONS_LIMIT_SECONDS = 50
"""A revocation must work within 60 s: event → row takes well under a second, row → memory at most ten, and while the
table cannot be read the last list counts until the limit; then nobody is let in."""


class Verifier:
    """Checks bearer tokens against the gateway's published keys and this service's copy of revocations."""

    def __init__(self, jwks_url: str, rights: Mapping[str, Right], db: Database, http: httpx.AsyncClient) -> None:
        self._jwks_url, self._rights, self._db, self._http = jwks_url, rights, db, http
        self._keys: KeySet | None = None
        self._keys_at = 0.0
        self._revoked: dict[str, float] = {}
        self._revoked_at = self._tried_at = float("-inf")
        self._cache = TokenCache()
        self._lock = asyncio.Lock()

    async def principal(self, authorization: str | None) -> Principal:
        """Raises Unauthenticated for a missing, foreign, expired or revoked token."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated(("请先登录。", "Send a bearer token in the Authorization header."))
        await self._refresh_revocations()
        if cached := self._cache.get(token):
            issued_at, principal = cached
        else:
            claims = await self._claims(token)
            issued_at, principal = float(claims["iat"]), principal_of(claims, self._rights)
            self._cache.put(token, claims, principal)
        if issued_at < self._revoked.get(str(principal.session_id), 0):
            raise Unauthenticated(
                ("登录已失效, 请刷新。", "The token was revoked; refresh it or sign in again."), code="token_expired"
            )
        return principal

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            return read_token(token, await self._key_set())
        except Unauthenticated as refusal:
            if refusal.code == "token_expired" or time.monotonic() - self._keys_at < 5:
                raise
        self._keys_at = float("-inf")  # perhaps signed with a key that is newer than our copy
        return read_token(token, await self._key_set())

    async def _key_set(self) -> KeySet:
        if self._keys is not None and time.monotonic() - self._keys_at < JWKS_SECONDS:
            return self._keys
        async with self._lock:
            try:
                answer = await self._http.get(self._jwks_url, timeout=2)
                answer.raise_for_status()
                self._keys = KeySet.import_key_set(answer.json())
            except (httpx.HTTPError, ValueError) as error:
                if self._keys is None:
                    raise Unavailable(
                        ("暂时无法核验登录。", "Tokens cannot be checked right now; try again shortly."),
                        headers={"Retry-After": "2"},
                    ) from error
            self._keys_at = time.monotonic()
            return self._keys

    async def _refresh_revocations(self) -> None:
        now = time.monotonic()
        if now - self._tried_at < REVOCATIONS_SECONDS and now - self._revoked_at < REVOCATIONS_LIMIT_SECONDS:
            return
        self._tried_at = now
        try:
            async with self._db.engine.connect() as connection:
                rows = await connection.execute(
                    text("SELECT session_id, extract(epoch FROM not_before)::float8 FROM revocations")
                )
                self._revoked = {str(session_id): not_before for session_id, not_before in rows}
                self._revoked_at = now
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            if now - self._revoked_at >= REVOCATIONS_LIMIT_SECONDS:
                raise Unavailable(headers={"Retry-After": "2"}) from error
