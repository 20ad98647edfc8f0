"""The way to a telephone. Providers differ; the gateway knows one call.

The only adapter so far writes to a file that a developer can read (``LINLI_GATEWAY_SMS_OUTBOX``), one JSON object per
line: ``{"at": "2020-02-17T10:00:00.000Z", "to": "+8613800000000", "text": "…"}``. The file holds telephone numbers and
codes in the clear, so only its owner may read it.
"""

import asyncio
import os
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import orjson

from shared.clock import now, to_wire
from shared.problems import Unavailable


class SmsSender(Protocol):
    """An adapter; a message that was accepted may still be lost on the way."""

    async def send(self, phone: str, text: str) -> None:
        """Hands one message to the provider; ``phone`` in E.164. Raises Unavailable when it was not accepted."""


class FileSms:
    """Appends to a file; several processes may write at once, since one line is one write."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def send(self, phone: str, text: str) -> None:
        line = orjson.dumps({"at": to_wire(now()), "to": phone, "text": text}) + b"\n"
        try:
            await asyncio.to_thread(self._append, line)
        except OSError as error:
            raise Unavailable(
                ("短信暂时无法发送, 请稍候重试。", "The message could not be sent; try again shortly."),
                headers={"Retry-After": "5"},
            ) from error

    def _append(self, line: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)


@lru_cache(maxsize=8)
def sender(outbox: Path) -> SmsSender:
    """The adapter that the settings choose."""
    return FileSms(outbox)
