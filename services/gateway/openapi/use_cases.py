"""Fetches the services' documents and keeps the merged one for five minutes."""

import asyncio
import hashlib
import time
from dataclasses import dataclass
from typing import Any, cast

import httpx
import orjson

from services.gateway.openapi.domain import GATEWAY, CannotMerge, Document, merge
from services.gateway.routing.owners import OWNED
from services.gateway.settings import GatewaySettings
from services.gateway.upstream import unavailable
from shared.problems import Problem
from shared.service import Resources

KEPT_SECONDS = 300
FETCH_SECONDS = 1.5


@dataclass(frozen=True)
class Merged:
    """The document as it is sent, and its strong ETag."""

    content: bytes
    etag: str
    made_at: float


async def merged_document(resources: Resources, own: Document) -> Merged:
    """Raises Unavailable that names a service which does not answer; Problem ``bad_upstream`` for what contradicts."""
    kept: Merged | None = resources.extra.get("openapi")
    if kept is not None and time.monotonic() - kept.made_at < KEPT_SECONDS:
        return kept
    settings = cast(GatewaySettings, resources.settings)
    fetched = await asyncio.gather(*(_fetch(resources, settings, service) for service in OWNED))
    parts = {GATEWAY: own} | dict(zip(OWNED, fetched, strict=True))
    try:
        content = orjson.dumps(merge(parts, settings.public_url))
    except CannotMerge as error:
        raise Problem(
            (f"接口文档有冲突: {error}", f"The documents contradict: {error}"), code="bad_upstream"
        ) from error
    made = Merged(content, f'"{hashlib.sha256(content).hexdigest()[:32]}"', time.monotonic())
    resources.extra["openapi"] = made
    return made


async def _fetch(resources: Resources, settings: GatewaySettings, service: str) -> Document:
    try:
        answer = await resources.http.get(f"{settings.url_of(service)}/openapi.json", timeout=FETCH_SECONDS)
        answer.raise_for_status()
        return cast(dict[str, Any], answer.json())
    except (httpx.HTTPError, ValueError) as error:
        raise unavailable(service) from error
