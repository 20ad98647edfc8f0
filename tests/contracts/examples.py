"""One example of a payload, made from its model alone and the same each time: what the golden files hold."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel

_MOMENT = datetime(2020, 2, 17, 10, 0, tzinfo=UTC)


class NoExample(TypeError):
    """The schema says too little (a pattern, say): give the field ``examples``."""


def example(model: type[BaseModel]) -> dict[str, Any]:
    """JSON of an instance in which nothing is null and every list and mapping has one entry. Raises NoExample."""
    schema = model.model_json_schema(mode="validation")
    value = _value(schema, schema.get("$defs", {}), model.__name__)
    assert isinstance(value, dict)
    return value


def _value(schema: dict[str, Any], parts: dict[str, Any], path: str) -> Any:
    if "$ref" in schema:
        return _value(parts[schema["$ref"].rpartition("/")[2]], parts, path)
    if "examples" in schema:
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return _value(next(one for one in schema[choice] if one.get("type") != "null"), parts, path)
    return _of_type(schema, parts, path)


def _of_type(schema: dict[str, Any], parts: dict[str, Any], path: str) -> Any:
    kind = schema.get("type", "any")
    if kind == "object" and "properties" in schema:
        return {name: _value(inner, parts, f"{path}.{name}") for name, inner in schema["properties"].items()}
    if kind == "object":
        inner = schema.get("additionalProperties")
        return {"key": _value(inner if isinstance(inner, dict) else {}, parts, f"{path}.key")}
    if kind == "array":
        return [_value(schema.get("items", {}), parts, f"{path}.0")]
    if kind == "string":
        return _text(schema, path)
    if kind == "integer":
        return int(max(schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1, 1))
    if kind in ("boolean", "any"):
        return True if kind == "boolean" else "any"
    raise NoExample(f"{path}: {kind} has no place in an event")


def _text(schema: dict[str, Any], path: str) -> str:
    seed = hashlib.sha256(path.encode()).digest()
    moment = _MOMENT + timedelta(minutes=seed[0])
    made = {
        "uuid": str(UUID(int=int.from_bytes(seed[:16], "big") & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0b10 << 62)),
        "date-time": moment.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "date": moment.strftime("%Y-%m-%d"),
        "time": moment.strftime("%H:%M:%S"),
        None: path.rpartition(".")[2],
    }
    if schema.get("format") not in made or "pattern" in schema:
        raise NoExample(f"{path}: give the field examples")
    return made[schema.get("format")].ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength")]


def printed(document: dict[str, Any]) -> str:
    """As the golden files are written."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n"
