"""Request bodies on their way through: small ones are held, large ones stream, none is larger than allowed."""

import asyncio
from collections.abc import AsyncIterator, Iterable

from starlette.types import Receive

from services.gateway.routing.headers import Raw, value_of
from shared.app import BODY_LIMIT, UPLOAD_LIMIT
from shared.problems import TooLarge

HELD_BYTES = 64 << 10
"""A body up to this size is held in memory, so that the request can be repeated."""
LINGER_SECONDS = 5.0
LINGER_BYTES = 512 << 20


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


class RequestBody:
    """The body of one request."""

    def __init__(self, headers: Iterable[Raw], receive: Receive, upload: bool) -> None:
        self._receive, self.limit = receive, UPLOAD_LIMIT if upload else BODY_LIMIT
        declared = value_of(headers, b"content-length")
        self._length = int(declared) if declared.isdecimal() else None
        self._chunked = bool(value_of(headers, b"transfer-encoding"))
        self._complete = False
        self.held: bytes | None = None
        self.too_large = self.client_gone = False

    async def hold(self) -> None:
        """Reads the body into ``held`` if it is small; otherwise it must be streamed. Raises TooLarge at once for a
        declared length above the limit."""
        if self._length is not None and self._length > self.limit:
            self.too_large = True
            raise self.refusal()
        if not self._chunked and not self._length:
            self.held, self._complete = b"", True
        elif self._length is not None and self._length <= HELD_BYTES:
            self.held = b"".join([part async for part in self.parts()])

    async def parts(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises TooLarge or ClientGone, and keeps in mind which."""
        seen = 0
        while not self._complete:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.client_gone = True
                raise ClientGone
            self._complete = not message.get("more_body", False)
            part = message.get("body", b"")
            seen += len(part)
            if seen > self.limit:
                self.too_large = True
                raise self.refusal()
            if part:
                yield part

    async def linger(self) -> None:
        """Reads on and throws away, so that a client that is still sending gets to read why it was refused; bounded."""
        left = LINGER_BYTES
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while not self._complete and left > 0:
                    message = await self._receive()
                    left -= len(message.get("body", b""))
                    self._complete = message["type"] == "http.disconnect" or not message.get("more_body", False)
        except TimeoutError:
            self._complete = True

    def refusal(self) -> TooLarge:
        size = self.limit >> 20
        return TooLarge((f"内容超过 {size} MiB, 请分开提交。", f"The body is larger than {size} MiB; split it."))
