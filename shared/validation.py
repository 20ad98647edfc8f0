"""From pydantic's errors to ours: a pointer, a stable code, our limits, two languages; never the caller's input."""

from typing import Any, Literal, cast

from fastapi.exceptions import RequestValidationError

from shared.problems import FieldError, Text

TEXTS: dict[str, tuple[str, Text]] = {
    "missing": ("required", ("此项必填", "This field is required")),
    "extra_forbidden": ("unknown_field", ("没有此字段", "There is no such field")),
    "greater_than": ("too_small", ("数值过小", "The value is too small")),
    "greater_than_equal": ("too_small", ("数值过小", "The value is too small")),
    "less_than": ("too_large", ("数值过大", "The value is too large")),
    "less_than_equal": ("too_large", ("数值过大", "The value is too large")),
    "too_short": ("too_short", ("内容过短", "It is too short")),
    "too_long": ("too_long", ("内容过长", "It is too long")),
    "string_too_short": ("too_short", ("内容过短", "It is too short")),
    "string_too_long": ("too_long", ("内容过长", "It is too long")),
    "enum": ("unknown_value", ("不在可选值之内", "Not one of the known values")),
    "literal_error": ("unknown_value", ("不在可选值之内", "Not one of the known values")),
    "json_invalid": ("not_json", ("不是有效的 JSON", "This is not valid JSON")),
    "timezone_aware": ("offset_missing", ("时间须带时区", "The time needs an offset, such as +08:00")),
}
OTHER: tuple[str, Text] = ("invalid", ("格式不正确", "The format is not right"))
LIMITS = {
    "ge": "min",
    "gt": "above",
    "le": "max",
    "lt": "below",
    "min_length": "min",
    "max_length": "max",
    "expected": "expected",
}
Location = Literal["body", "query", "path", "header"]


def field_errors(error: RequestValidationError) -> list[FieldError]:
    """One FieldError per pydantic error; custom ``ValueError`` texts in the form ``zh|en`` are shown as written."""
    return [_field_error(raw) for raw in error.errors()[:50]]


def _field_error(raw: dict[str, Any]) -> FieldError:
    code, detail = TEXTS.get(raw["type"], OTHER)
    cause = raw.get("ctx", {}).get("error")
    if raw["type"] == "value_error" and "|" in str(cause):
        zh, _, en = str(cause).partition("|")
        code, detail = getattr(cause, "code", "invalid"), (zh.strip(), en.strip())
    where, *path = raw["loc"] or ("body",)
    params = {LIMITS[k]: v for k, v in raw.get("ctx", {}).items() if k in LIMITS and isinstance(v, int | str)}
    return FieldError(
        pointer="".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path),
        code=code,
        detail=detail,
        location=cast(Location, where) if where in ("body", "query", "path", "header") else "body",
        params=params,
    )
