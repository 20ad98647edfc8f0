"""Which headers pass the door. Bodies pass as they are."""

from collections.abc import Iterable
from typing import Final

Raw = tuple[bytes, bytes]

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""RFC 9110 §7.6.1, with those that older programs still send."""
OURS: Final = frozenset({b"host", b"expect", b"forwarded", b"request-id", b"linli-timeout-ms"})
"""What a client may say and nobody behind the door believes; the gateway says it anew."""
PREFIXES: Final = (b"x-user-", b"x-forwarded-", b"x-real-", b"x-request-id", b"x-correlation-id")
REPLACED: Final = frozenset({b"server", b"date", b"request-id", b"ratelimit", b"ratelimit-policy", b"vary"})
"""Of an answer: what this server writes itself."""


def trusted(headers: Iterable[Raw]) -> list[Raw]:
    """The client's headers without hop-by-hop ones and without what only the gateway may say. Names in lower case."""
    named = _named_by_connection(headers)
    return [
        (name, value)
        for name, value in headers
        if name not in HOP_BY_HOP and name not in OURS and not name.startswith(PREFIXES) and name not in named
    ]


def answered(headers: Iterable[Raw]) -> list[Raw]:
    """A service's headers without hop-by-hop ones and without what the gateway writes itself."""
    lowered = [(name.lower(), value) for name, value in headers]
    return [(name, value) for name, value in lowered if name not in HOP_BY_HOP and name not in REPLACED]


def value_of(headers: Iterable[Raw], wanted: bytes) -> str:
    """The first header of that name, or an empty text."""
    return next((value.decode("latin-1") for name, value in headers if name == wanted), "")


def _named_by_connection(headers: Iterable[Raw]) -> frozenset[bytes]:
    values = [value for name, value in headers if name == b"connection"]
    return frozenset(part.strip().lower() for value in values for part in value.split(b","))
