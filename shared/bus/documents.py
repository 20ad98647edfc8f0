"""``python -m shared.bus.documents [--check]``: writes docs/events.md and docs/asyncapi.yaml from the contracts.

``--check`` writes nothing and ends with status 1 when a file is not what it would write.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic.json_schema import models_json_schema

from shared.bus.cloudevent import schema_of
from shared.bus.topics import PARTITIONS
from shared.contracts.base import Topic, all_topics

DOCS = Path(__file__).resolve().parents[2] / "docs"
_REFS = "#/components/schemas/{model}"


def events_md(topics: tuple[Topic, ...]) -> str:
    """The table of topics, and every payload with its fields."""
    lines = [
        "# Events",
        "",
        "Written by `python -m shared.bus.documents` from `shared/contracts`; do not edit.",
        "",
        f"Key: the aggregate's id. {PARTITIONS} partitions each. **state**: compacted, the whole thin state, also"
        " `<resource>.snapshot` (the same state again; no effects) and `<resource>.erased` (a tombstone)."
        " **event**: facts, kept 30 days. Fields are only ever added.",
        "",
        "| topic | kind | payload | types |",
        "|---|---|---|---|",
    ]
    for topic in topics:
        types = " ".join(f"`{name}`" for name in topic.types)
        lines.append(f"| `{topic.name}` | {topic.kind} | [{_name(topic)}](#{_name(topic).lower()}) | {types} |")
    schemas = _schemas(topics)
    for name in sorted(schemas):
        lines += ["", f"## {name}", ""]
        if description := schemas[name].get("description"):
            lines += [" ".join(description.split()), ""]
        lines += ["| field | type |", "|---|---|"]
        lines += [f"| `{field}` | {_type(inner)} |" for field, inner in schemas[name].get("properties", {}).items()]
    return "\n".join(lines) + "\n"


def asyncapi(topics: tuple[Topic, ...]) -> dict[str, Any]:
    """An AsyncAPI 3.0 document: a channel per topic, an operation per producer and topic, a message per event type."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Linli events",
            "version": "1.0.0",
            "description": "CloudEvents 1.0 in Kafka binary mode; key = aggregate id; fields are only ever added.",
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in topics},
        "operations": {f"{topic.service}.{topic.resource}.send": _operation(topic) for topic in topics},
        "components": {"schemas": {**_schemas(topics), "Headers": _headers()}},
    }


def _channel(topic: Topic) -> dict[str, Any]:
    kafka = {"topic": topic.name, "partitions": PARTITIONS, "bindingVersion": "0.5.0"}
    cleanup = ["compact"] if topic.kind == "state" else ["delete"]
    return {
        "address": topic.name,
        "description": "The whole thin state of each aggregate." if topic.kind == "state" else "Facts, kept 30 days.",
        "messages": {event_type: _message(topic, event_type) for event_type in topic.all_types},
        "bindings": {"kafka": {**kafka, "topicConfiguration": {"cleanup.policy": cleanup}}},
    }


def _message(topic: Topic, event_type: str) -> dict[str, Any]:
    erased = topic.kind == "state" and event_type == topic.erased_type
    return {
        "name": event_type,
        "headers": {"$ref": "#/components/schemas/Headers"},
        "payload": {"type": "null"} if erased else {"$ref": _REFS.format(model=_name(topic))},
        "bindings": {"kafka": {"key": {"type": "string", "format": "uuid"}, "bindingVersion": "0.5.0"}},
    }


def _operation(topic: Topic) -> dict[str, Any]:
    return {
        "action": "send",
        "summary": f"{topic.service} tells about its {topic.resource.replace('_', ' ')}s.",
        "channel": {"$ref": f"#/channels/{topic.name}"},
    }


def _headers() -> dict[str, Any]:
    texts = {
        "ce_specversion": "1.0",
        "ce_id": "UUIDv7 of the event",
        "ce_type": "the event type",
        "ce_source": "URI reference of the entity",
        "ce_time": "when it happened, RFC 3339",
        "ce_dataschema": f"topic and version, as {schema_of('registry.household.v1')}",
        "ce_sequence": "the aggregate's version, 20 digits",
        "ce_recordedtime": "when it was recorded, by PostgreSQL's clock",
        "ce_correlationid": "the request that caused it",
        "traceparent": "W3C trace context",
        "content-type": "application/json",
    }
    optional = {"ce_correlationid", "traceparent"}
    return {
        "type": "object",
        "required": [name for name in texts if name not in optional],
        "properties": {name: {"type": "string", "description": text} for name, text in texts.items()},
    }


def _schemas(topics: tuple[Topic, ...]) -> dict[str, Any]:
    """JSON Schema of every payload and its parts, by name."""
    models = list(dict.fromkeys(topic.payload for topic in topics))
    _, found = models_json_schema([(model, "serialization") for model in models], ref_template=_REFS)
    schemas: dict[str, Any] = found["$defs"]
    return schemas


def _name(topic: Topic) -> str:
    return topic.payload.__name__


def _type(schema: Mapping[str, Any]) -> str:
    """A JSON Schema in a few words: ``uuid``, ``integer or null``, ``list of ClaimV1``."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in schema or "enum" in schema:
        return " / ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " or ".join(_type(one) for one in schema[choice])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if isinstance(inner := schema.get("additionalProperties"), dict):
        return f"map to {_type(inner)}"
    return str(schema.get("format") or schema.get("type") or "any")


def documents() -> dict[Path, str]:
    """Path → content of every file that is made from the contracts."""
    topics = all_topics()
    document = yaml.safe_dump(asyncapi(topics), sort_keys=False, allow_unicode=True, width=120)
    head = "# Written by `python -m shared.bus.documents` from shared/contracts; do not edit.\n"
    return {DOCS / "events.md": events_md(topics), DOCS / "asyncapi.yaml": head + document}


def main() -> None:
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit("usage: python -m shared.bus.documents [--check]")
    stale = []
    for path, content in documents().items():
        if check and (not path.exists() or path.read_text() != content):
            stale.append(f"docs/{path.name}")
        elif not check:
            path.write_text(content)
    if stale:
        sys.exit(f"{' and '.join(stale)}: not what the contracts say; run python -m shared.bus.documents")


if __name__ == "__main__":
    main()
