"""A view asks the owners side by side, with the caller's own token; whoever does not answer in time is named."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import structlog
from pydantic import TypeAdapter, ValidationError

from services.gateway.upstream import call
from services.gateway.views.schemas import PartName, ViewPart
from shared.clock import now
from shared.problems import Problem
from shared.service import Resources

DEADLINE = 1.2
"""Seconds; leaves the gateway time to answer within its own two."""
T = TypeVar("T")
log = structlog.get_logger()


@dataclass(frozen=True)
class Part(Generic[T]):
    """What an owner said, or None, and when it was asked."""

    name: PartName
    value: T | None
    as_of: datetime

    def shown(self) -> ViewPart:
        if self.value is None:
            return ViewPart(name=self.name, state="unavailable", as_of=None)
        return ViewPart(name=self.name, state="ok", as_of=self.as_of)


@dataclass(frozen=True)
class Asker:
    """Asks owners in one caller's name."""

    resources: Resources
    authorization: str

    async def part(self, name: PartName, fetch: Callable[[], Awaitable[T]]) -> Part[T]:
        """The part, or its absence; never raises for what an owner does."""
        asked = now()
        try:
            async with asyncio.timeout(DEADLINE):
                return Part(name, await fetch(), asked)
        except (Problem, TimeoutError, ValidationError, ValueError, KeyError) as error:
            log.warning("view_part_missing", part=name, error=type(error).__name__)
            return Part(name, None, asked)

    async def items(
        self, owner: str, path: str, params: Sequence[tuple[str, str]], shape: TypeAdapter[list[T]]
    ) -> list[T]:
        """The first page of a list. Raises Problem for any refusal, ValidationError for another shape."""
        return shape.validate_python((await self.get(owner, path, params))["items"])

    async def get(self, owner: str, path: str, params: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
        """One document. Raises Problem for any refusal."""
        answer = await call(
            self.resources,
            owner,
            "GET",
            path,
            params=list(params),
            authorization=self.authorization,
            deadline=DEADLINE,
        )
        if answer.status_code != 200:
            raise Problem(code="not_found" if answer.status_code == 404 else "bad_upstream")
        document: dict[str, Any] = answer.json()
        return document
