"""Lists by keyset: signed cursors, bound to the filters they were made with."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request
from pydantic import BaseModel
from sqlalchemy import Select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from shared.problems import Malformed


class Page(BaseModel):
    """Base of every list answer; a subclass adds ``items``. ``next_cursor`` is null on the last page."""

    next_cursor: str | None


class Paging:
    """``limit`` and ``cursor`` of one request."""

    def __init__(self, limit: int, cursor: str | None, filters: str, secret: bytes) -> None:
        self.limit, self._cursor, self._filters, self._secret = limit, cursor, filters, secret

    def after(self) -> list[Any] | None:
        """The keys of the last row already seen; raises Malformed (invalid_cursor)."""
        if self._cursor is None:
            return None
        try:
            raw = base64.urlsafe_b64decode(self._cursor + "=" * (-len(self._cursor) % 4))
            signature, payload = raw[:16], raw[16:]
            if not hmac.compare_digest(signature, self._sign(payload)):
                raise ValueError("signature")
            return [_decode(value) for value in json.loads(payload)]
        except (ValueError, TypeError, KeyError) as error:
            raise Malformed(
                (
                    "翻页标记无效或与筛选条件不符。",
                    "Start again without cursor; it belongs to other filters or was altered.",
                ),
                code="invalid_cursor",
            ) from error

    def cursor(self, keys: Sequence[Any]) -> str:
        payload = json.dumps([_encode(value) for value in keys], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._sign(payload) + payload).decode().rstrip("=")

    def _sign(self, payload: bytes) -> bytes:
        return hmac.digest(self._secret, self._filters.encode() + b"\0" + payload, hashlib.sha256)[:16]


def _encode(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"t": value.isoformat()}
    if isinstance(value, UUID):
        return {"u": str(value)}
    return value


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        return datetime.fromisoformat(value["t"]) if "t" in value else UUID(value["u"])
    return value


def _paging(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200, description="Rows per page.")] = 50,
    cursor: Annotated[str | None, Query(max_length=600, description="From next_cursor of the page before.")] = None,
) -> Paging:
    filters = sorted((k, v) for k, v in request.query_params.multi_items() if k not in ("limit", "cursor"))
    return Paging(limit, cursor, f"{request.url.path}?{filters}", request.app.state.resources.cursor_secret)


PagingParams = Annotated[Paging, Depends(_paging)]


async def paginate(
    db: AsyncSession,
    query: Select[Any],
    keys: Sequence[InstrumentedAttribute[Any] | Any],
    paging: Paging,
    *,
    descending: bool = False,
) -> tuple[list[Any], str | None]:
    """One page of ``query`` (selecting one entity) ordered by ``keys``, which must be unique together and not null."""
    if (after := paging.after()) is not None:
        position = tuple_(*keys)
        query = query.where(position < tuple_(*after) if descending else position > tuple_(*after))
    query = query.order_by(*((key.desc() for key in keys) if descending else keys)).limit(paging.limit + 1)
    rows = list((await db.execute(query)).scalars())
    if len(rows) <= paging.limit:
        return rows, None
    rows = rows[: paging.limit]
    return rows, paging.cursor([getattr(rows[-1], key.key) for key in keys])
