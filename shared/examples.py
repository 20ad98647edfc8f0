"""An example for every schema that has none of its own, made from the names and limits of its fields.

The words are the domain's (a street of Wuhan in February 2020), the values fit the schema; a test checks every example
of the merged document against its schema. Where a text's pattern is unknown here, there is no example and the schema
must bring its own.
"""

import contextlib
import re
from collections.abc import Mapping
from typing import Any

ID = "0195c2a0-0000-7000-8000-000000000001"
FORMATS = {
    "uuid": ID,
    "date-time": "2020-02-17T10:00:00.000Z",
    "date": "2020-02-18",
    "uri": "https://street.example/linli",
    "binary": "",
}
TEXTS = {
    "area": "42.01.12.013.001",
    "areas": "42.01.12.013.001",
    "community_area": "42.01.12.013.001",
    "name": "常青花园第一社区",
    "title": "关于小区封闭管理的通知",
    "phone": "13800138000",
    "code": "100174",
    "memo": "100174",
    "unit": "份",
    "reason_code": "other",
    "note": "已与楼栋长核对",
    "zh": "每户按比例分配。",
    "en": "Shared out in proportion.",
    "url": "/v1/orders/" + ID,
    "result_url": "/v1/orders/" + ID,
    "uscc": "91420100177746279Q",
    "currency": "CNY",
    "next_cursor": "q1ZKLU0sSc1V0lFKzk9JVbIy0FEqKUpMLlGyMqwFAA",
}
CANDIDATES = ("42.01.12.013.001", "100174", "42117", "orders.read", "order.placed", "13800138000", "1", "a", "示例")
DEEPEST = 8


class NoExample(Exception):
    """A schema for which no fitting value is known."""


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str = "", depth: int = 0) -> Any:
    """A value that fits ``schema``; ``schemas`` are the components, ``name`` the field that holds it.

    Raises NoExample.
    """
    if "$ref" in schema:
        target = schema["$ref"].rpartition("/")[2]
        return example_of(schemas[target], schemas, name, depth + 1)
    for given in ("example", "const", "default"):
        if given in schema:
            return schema[given]
    if "examples" in schema:
        return schema["examples"][0]
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return _of_choices(choices, schemas, name, depth)
    if "enum" in schema:
        return schema["enum"][0]
    return _of_type(schema, schemas, name, depth)


def _of_choices(choices: list[Mapping[str, Any]], schemas: Mapping[str, Any], name: str, depth: int) -> Any:
    """The first that is a value; null once it gets deep, so that schemas that hold themselves come to an end."""
    nullable = {"type": "null"} in choices
    if nullable and depth >= DEEPEST:
        return None
    for choice in choices:
        if choice != {"type": "null"}:
            try:
                return example_of(choice, schemas, name, depth + 1)
            except NoExample:
                continue
    if nullable:
        return None
    raise NoExample(name)


def _of_type(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str, depth: int) -> Any:
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {field: example_of(part, schemas, field, depth + 1) for field, part in properties.items()}
        case "array":
            wanted = max(1, schema.get("minItems", 1)) if depth < DEEPEST else schema.get("minItems", 0)
            return [example_of(schema.get("items", {}), schemas, name, depth + 1)] * wanted
        case "integer":
            return max(schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1)
        case "boolean":
            return False
        case "string":
            return _text(schema, name)
        case None:
            return {}
    raise NoExample(name)


def _text(schema: Mapping[str, Any], name: str) -> str:
    if (form := schema.get("format")) in FORMATS:
        return FORMATS[form]
    pattern, least, most = schema.get("pattern"), schema.get("minLength", 0), schema.get("maxLength", 1 << 20)
    for candidate in (TEXTS.get(name), *CANDIDATES):
        fits = candidate is not None and least <= len(candidate) <= most
        if candidate is not None and fits and (pattern is None or re.search(pattern, candidate)):
            return candidate
    raise NoExample(name)


def fill_in(schemas: dict[str, Any], media: Mapping[str, Any]) -> None:
    """Gives the schema of a whole body an example, if it has none and one can be made; ``media`` is an OpenAPI media
    type object, and the schema is a component or written in place."""
    schema = media.get("schema", {})
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if not any(word in one for word in ("example", "examples") for one in (media, schema)):
        with contextlib.suppress(NoExample):
            schema["examples"] = [example_of(schema, schemas)]


def restore_nulls(schemas: Mapping[str, Any]) -> None:
    """FastAPI leaves null out of the document, also out of hand-written examples: puts it back where it is wanted."""
    for schema in schemas.values():
        for shown in (schema.get("example"), *schema.get("examples", ())):
            _restore(shown, schema, schemas)


def _restore(shown: Any, schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> None:
    for one in _alternatives(schema, schemas):
        if isinstance(shown, list) and one.get("type") == "array":
            for item in shown:
                _restore(item, one.get("items", {}), schemas)
        elif isinstance(shown, dict):
            for field, part in one.get("properties", {}).items():
                if field in shown:
                    _restore(shown[field], part, schemas)
                elif field in one.get("required", ()) and {"type": "null"} in part.get("anyOf", ()):
                    shown[field] = None


def _alternatives(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if "$ref" in schema:
        return _alternatives(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    choices = schema.get("anyOf") or schema.get("oneOf")
    return [one for choice in choices for one in _alternatives(choice, schemas)] if choices else [schema]
