"""What a service is made of: one value that its API, its worker and its commands are built from."""

import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import APIRouter, FastAPI
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.types import ASGIApp

from shared.auth import Right
from shared.bus.consumer import Subscription
from shared.contracts.base import Contract, Topic
from shared.database import Database, make_engine
from shared.keys import KeyRing
from shared.privacy import Vault
from shared.settings import ServiceSettings
from shared.timers import Handler
from shared.verifier import Verifier

Snapshot = Callable[[AsyncSession], AsyncIterator[Contract]]


@dataclass(frozen=True)
class Service:
    """Wiring of one service.

    ``snapshots``: the whole thin state of every aggregate of a state topic, for republishing and hashes.
    ``timers``: kind → handler. ``loops``: further background work of the worker, ``await loop(resources)`` until
    cancelled. ``opens``: what its API needs beyond the common resources, entered with the application's lifespan.
    ``outermost``: what stands before its application, given the application and the settings.
    """

    name: str
    title: str
    settings: Callable[[], ServiceSettings]
    routers: tuple[APIRouter, ...] = ()
    rights: Mapping[str, Right] = field(default_factory=dict)
    subscriptions: tuple[Subscription, ...] = ()
    snapshots: Mapping[Topic, Snapshot] = field(default_factory=dict)
    timers: Mapping[str, Handler] = field(default_factory=dict)
    loops: tuple[Callable[["Resources"], Awaitable[None]], ...] = ()
    opens: Callable[["Resources"], Any] | None = None
    outermost: Callable[[FastAPI, ServiceSettings], ASGIApp] | None = None


@dataclass
class Resources:
    """What one process holds open: one engine, one key ring, one HTTP client."""

    service: Service
    settings: ServiceSettings
    db: Database
    vault: Vault
    keys: KeyRing
    http: httpx.AsyncClient
    verifier: Verifier
    cursor_secret: bytes
    extra: dict[str, Any] = field(default_factory=dict)

    @classmethod
    async def open(cls, service: Service, *, worker: bool = False) -> "Resources":
        settings = service.settings()
        url = settings.worker_url if worker else settings.api_url
        db = Database(make_engine(url.get_secret_value(), pool_size=settings.pool_size))
        keys = await KeyRing.open(settings.keys_url.get_secret_value(), settings.master_keys.get_secret_value())
        http = httpx.AsyncClient(
            timeout=httpx.Timeout(5, connect=1),
            limits=httpx.Limits(max_connections=50, max_keepalive_connections=20),
            trust_env=False,
        )
        return cls(
            service=service,
            settings=settings,
            db=db,
            vault=Vault(keys),
            keys=keys,
            http=http,
            verifier=Verifier(settings.common.jwks_url, service.rights, db, http),
            cursor_secret=hmac.digest(
                settings.master_keys.get_secret_value().encode(), b"linli pagination cursor", hashlib.sha256
            ),
        )

    async def close(self) -> None:
        await self.http.aclose()
        await self.keys.close()
        await self.db.close()
