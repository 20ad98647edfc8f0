"""What an incoming message must look like, and what its owner's answer makes of it. Pure; times are seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from shared.machine import Machine
from shared.problems import Malformed

SOURCE = Machine("inbound_source", {"active": {"disable": "disabled"}, "disabled": {}})
MESSAGE = Machine(
    "inbound_message",
    {
        "received": {"apply": "applied", "reject": "rejected"},
        "applied": {},
        "rejected": {"retry": "received"},
    },
)
TYPES: Mapping[str, tuple[str, ...]] = {
    "city_command": ("notice.issued",),
    "store": ("purchase.confirmation", "purchase.refusal"),
}
"""What each kind of source may send."""

BODY_AT_MOST = 256 << 10
DEPTH_AT_MOST = 32
DELAYS = (1, 2, 5, 15, 30, 60, 300)
GIVEN_UP_AFTER = 2_000
"""Attempts; at 300 s each about a week of an owner that does not answer."""
AGAIN = frozenset({401, 408, 425, 429})
AGAIN_CODES = frozenset({"in_progress", "not_yet_known"})


def parsed(body: bytes) -> dict[str, Any]:
    """The message's JSON object. Raises Malformed for anything else, or for nesting deeper than 32."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(("内容不是有效的 JSON。", "The body is not valid JSON (UTF-8).")) from error
    if not isinstance(document, dict):
        raise Malformed(("内容须为 JSON 对象。", "The body must be a JSON object with type, timestamp and data."))
    level: list[Any] = [document]
    for _ in range(DEPTH_AT_MOST):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return document
    raise Malformed(
        (f"嵌套不得超过 {DEPTH_AT_MOST} 层。", f"The body is nested deeper than {DEPTH_AT_MOST}; flatten it.")
    )


def _inside(value: Any) -> list[Any]:
    """The objects and arrays directly inside an object or array."""
    inner = value.values() if isinstance(value, dict) else value
    return [one for one in inner if isinstance(one, dict | list)]


@dataclass(frozen=True)
class Outcome:
    """What became of a message: ``applied`` with where to look, ``rejected`` with why, or ``received`` still, again
    after ``delay`` seconds."""

    state: Literal["applied", "rejected", "received"]
    delay: float = 0
    result_url: str | None = None
    problem: Mapping[str, Any] = field(default_factory=dict)


def judge(status: int, body: Any, attempts: int, collection: str) -> Outcome:
    """From the owner's answer to attempt number ``attempts`` (from 1); ``body`` is its parsed JSON, if any."""
    document = body if isinstance(body, dict) else {}
    if 200 <= status < 300:
        return Outcome("applied", result_url=f"/v1/{collection}/{document['id']}" if "id" in document else None)
    if status in AGAIN or status >= 500 or document.get("code") in AGAIN_CODES:
        return put_off(attempts, document)
    kept = {name: document[name] for name in ("status", "detail", "errors", "allowed_actions") if document.get(name)}
    return Outcome("rejected", problem={"code": document.get("code") or "bad_upstream", **kept})


def put_off(attempts: int, document: Mapping[str, Any] | None = None) -> Outcome:
    """Again later; after about a week given up, with the last problem."""
    problem = {"code": (document or {}).get("code", "unavailable")}
    if attempts >= GIVEN_UP_AFTER:
        return Outcome("rejected", problem=problem)
    return Outcome("received", delay=DELAYS[min(attempts, len(DELAYS)) - 1], problem=problem)
