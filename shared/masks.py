"""What is shown of personal data by default, and the last wall before a log line."""

import re
from collections.abc import Mapping
from typing import Any

from structlog.typing import EventDict

_NOT_AFTER_DIGIT = r"(?:(?<!\d)|(?<=%[0-9A-Fa-f]{2}))"
_PERSONAL = re.compile(
    r"(?P<uuid>[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})"
    rf"|(?P<id>{_NOT_AFTER_DIGIT}[1-9]\d{{16}}[\dXx](?!\d))"
    rf"|(?P<phone>{_NOT_AFTER_DIGIT}(?:(?:\+|00)?86[-\s]?)?1[3-9]\d(?:[-\s]?\d{{4}}){{2}}(?!\d))"
)
_PLAIN = (int, float, bool, type(None))


def mask_phone(phone: str) -> str:
    """``138****8000``, with or without ``+86``; what is no mobile number is hidden whole."""
    digits = phone.removeprefix("+86")
    return f"{digits[:3]}****{digits[-4:]}" if re.fullmatch(r"1\d{10}", digits) else "*" * len(phone)


def mask_name(name: str) -> str:
    """``王**``: the first character stays, a single one does not."""
    return name[:1] + "*" * (len(name) - 1) if len(name) > 1 else "*" * len(name)


def mask_id(number: str) -> str:
    """``1****************X``: the first and the last character stay."""
    return f"{number[0]}{'*' * (len(number) - 2)}{number[-1]}" if len(number) > 2 else "*" * len(number)


def mask_door(door: str) -> str:
    """``*-****``: only the separators stay."""
    return re.sub(r"\w", "*", door)


def mask_text(text: str) -> str:
    """The text with every mobile number and resident ID in it masked; UUIDs stay as they are."""
    return _PERSONAL.sub(_masked, text)


def drop_personal(_: object, __: str, event: EventDict) -> EventDict:
    """structlog processor: masks phones and IDs in every text of the event, however deep (promise PD2).

    The second wall: no caller logs personal data, and what slips through is caught here.
    """
    return {key: _clean(value) for key, value in event.items()}


def _masked(found: re.Match[str]) -> str:
    if found["uuid"]:
        return found["uuid"]
    if found["id"]:
        return mask_id(found["id"])
    return mask_phone(re.sub(r"\D", "", found["phone"])[-11:])


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Mapping):
        return {_clean(key): _clean(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner) for inner in value]
    return mask_text(repr(value))
