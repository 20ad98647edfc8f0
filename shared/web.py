"""What routes depend on, and how an answer carries its version."""

import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Depends, Header, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema
from sqlalchemy.ext.asyncio import AsyncSession

from shared.auth import Principal
from shared.clock import to_wire
from shared.database import transaction_time
from shared.problems import Forbidden, IfMatchMissing, Malformed, VersionMismatch

Row = TypeVar("Row")
Language = Literal["zh", "en"]


class Body(BaseModel):
    """Base of every request body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


_AS_ON_THE_WIRE = core_schema.plain_serializer_function_ser_schema(to_wire, when_used="json-unless-none")


def _instants_on_the_wire(node: Any) -> None:
    """Lets every datetime inside a core schema be written as ``shared.clock`` writes it."""
    if isinstance(node, dict):
        if node.get("type") == "datetime":
            node.setdefault("serialization", _AS_ON_THE_WIRE)
        node = list(node.values())
    if isinstance(node, list | tuple):
        for part in node:
            _instants_on_the_wire(part)


class Public(BaseModel):
    """Base of every answer; made from rows. Answers carry every field, null = no value; times in UTC, milliseconds."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        _instants_on_the_wire(schema)
        return schema


class Transition(Body):
    """Body of a verb that moves a state; every field may be left out."""

    reason_code: str | None = None
    note: str | None = None
    occurred_at: AwareDatetime | None = None


def language_of(accept: str | None) -> Language:
    """``en`` only when it is preferred to Chinese by order of mention or quality; Chinese otherwise."""
    best: tuple[float, Language] = (0.0, "zh")
    for position, part in enumerate((accept or "").split(",")[:10]):
        tag, _, quality = part.strip().partition(";")
        weight = float(q[0]) if (q := re.findall(r"q=([01](?:\.\d{1,3})?)", quality)) else 1.0
        primary = tag.split("-")[0].lower()
        if primary in ("zh", "en") and weight - position * 1e-6 > best[0]:
            best = (weight - position * 1e-6, "zh" if primary == "zh" else "en")
    return best[1]


Authorization = Annotated[str | None, Header(include_in_schema=False)]


def must_cover(who: Principal, request: Request) -> None:
    """Raises Forbidden when the caller is an API client whose scopes do not name the verb of this route.

    Row-level security shows a client what its role may see; its scopes say for what. A read is ``<collection>.read``,
    anything else ``<collection>.<verb>`` as in ``operation_id``.
    """
    if who.scopes is None:
        return
    route = request.scope["route"]
    verb = route.operation_id.removeprefix(f"{route.tags[0]}_")
    wanted = f"{route.tags[0]}.{'read' if request.method == 'GET' else verb}"
    if wanted not in who.scopes:
        raise Forbidden((f"该客户端没有 {wanted} 授权。", f"This client was not given the scope {wanted}."))


async def _caller(request: Request, authorization: Authorization = None) -> Principal:
    principal: Principal = await request.app.state.resources.verifier.principal(authorization)
    must_cover(principal, request)
    return principal


Caller = Annotated[Principal, Depends(_caller)]


async def _session(request: Request, who: Caller) -> AsyncIterator[AsyncSession]:
    async with request.app.state.resources.db.transaction(who) as session:
        yield session


Db = Annotated[AsyncSession, Depends(_session, scope="function")]
"""The transaction of this request: it commits before the answer leaves, and rolls back on any error."""


def _resources(request: Request) -> Any:
    return request.app.state.resources


ResourcesOf = Annotated[Any, Depends(_resources)]


async def _now(db: Db) -> datetime:
    return transaction_time(db)


Now = Annotated[datetime, Depends(_now, scope="function")]
"""The transaction's ``now()``: PostgreSQL's clock, the one clock for deadlines."""


IfMatchHeader = Annotated[str | None, Header(alias="If-Match", description='The "version" you have read.')]


def _if_match(header: IfMatchHeader = None) -> int:
    if header is None:
        raise IfMatchMissing(("请带上 If-Match。", 'Send If-Match: "<version>" with the version you have read.'))
    return _version(header)


def _maybe_if_match(header: IfMatchHeader = None) -> int | None:
    return None if header is None else _version(header)


def _version(header: str) -> int:
    found = re.fullmatch(r'"?(\d{1,15})"?', header.strip())
    if found is None:
        raise Malformed(("If-Match 须为版本号。", 'If-Match must be a version, such as "8".'))
    return int(found[1])


IfMatch = Annotated[int, Depends(_if_match)]
MaybeIfMatch = Annotated[int | None, Depends(_maybe_if_match)]


def must_match(current_version: int, wanted: int | None) -> None:
    """Raises VersionMismatch when the caller has read another version."""
    if wanted is not None and wanted != current_version:
        raise VersionMismatch(current_version)


class NotModified(Exception):
    """The caller has this version already: 304."""


def tagged(request: Request, response: Response, row: Row) -> Row:
    """Puts the row's version into ETag; raises NotModified when If-None-Match names it."""
    etag = f'"{row.version}"'  # type: ignore[attr-defined]
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"
    if request.method == "GET" and request.headers.get("if-none-match") == etag:
        raise NotModified
    return row
