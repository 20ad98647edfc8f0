"""Contracts are additive only: every event type has a golden file that today's code still understands and still writes.

``LINLI_WRITE_GOLDEN=1 pytest tests/contracts`` writes missing files and those to which fields were added; it refuses
to write over a file that the change breaks.
"""

import os
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from shared.bus.cloudevent import from_kafka, to_kafka
from shared.clock import from_wire
from shared.contracts.base import Contract, Event, Topic, all_topics
from tests.contracts.additive import breaks
from tests.contracts.examples import example, printed

GOLDEN = Path(__file__).parent / "golden"
MOMENT = "2020-02-17T10:00:00.000Z"
EVENTS = [(topic, event_type) for topic in all_topics() for event_type in topic.all_types]


def document(topic: Topic, event_type: str) -> dict[str, Any]:
    """The whole Kafka record of an example event: key, headers, payload (null for a tombstone)."""
    payload = topic.payload.model_validate_json(orjson.dumps(example(topic.payload)))
    body = None if topic.kind == "state" and event_type == topic.erased_type else payload.to_json()
    given = orjson.loads(payload.to_json())
    moment = from_wire(MOMENT)
    event = Event(
        id=UUID("0170529d-2100-7000-8000-000000000001"),
        type=event_type,
        topic=topic.name,
        key=UUID(given["id"]),
        seq=given["version"],
        occurred_at=moment,
        recorded_at=moment,
        correlation_id="0170529d-2100-7000-8000-000000000002",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        payload=None,
    )
    key, value, headers = to_kafka(event, body)
    return {
        "key": key.decode(),
        "headers": {name: content.decode() for name, content in headers},
        "payload": None if value is None else orjson.loads(value),
    }


def path_of(topic: Topic, event_type: str) -> Path:
    return GOLDEN / topic.name / f"{event_type}.json"


def broken(topic: Topic, golden: dict[str, Any], today: dict[str, Any]) -> list[str]:
    if golden["payload"] is None:
        return [] if today["payload"] is None else ["a tombstone has a payload"]
    return breaks(topic.payload, golden["payload"])


@pytest.mark.promise("EB10")
@pytest.mark.parametrize(("topic", "event_type"), EVENTS, ids=[f"{t.name} {kind}" for t, kind in EVENTS])
def test_the_contract_is_what_it_was(topic: Topic, event_type: str) -> None:
    path, today = path_of(topic, event_type), document(topic, event_type)
    if path.exists():
        golden = orjson.loads(path.read_bytes())
        assert broken(topic, golden, today) == []
        record = [(name, value.encode()) for name, value in golden["headers"].items()]
        body = None if golden["payload"] is None else orjson.dumps(golden["payload"])
        assert from_kafka(topic, golden["key"].encode(), body, record).type == event_type
    if os.environ.get("LINLI_WRITE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(printed(today))
    assert path.exists(), "no golden file: LINLI_WRITE_GOLDEN=1 pytest tests/contracts"
    assert path.read_text() == printed(today), "fields were added: LINLI_WRITE_GOLDEN=1 pytest tests/contracts"


@pytest.mark.promise("EB10")
def test_no_golden_file_is_left_without_its_event() -> None:
    """A type that disappears from the contracts would break whoever listens to it."""
    assert set(GOLDEN.rglob("*.json")) == {path_of(*event) for event in EVENTS}


@pytest.mark.parametrize("topic", all_topics(), ids=lambda topic: topic.name)
def test_an_example_survives_the_journey(topic: Topic) -> None:
    """Written, read and written again, nothing changes; and nothing in it is a float."""
    first = topic.payload.model_validate_json(orjson.dumps(example(topic.payload)))
    assert topic.payload.model_validate_json(first.to_json()) == first
    assert "number" not in kinds(topic.payload.model_json_schema())


def kinds(schema: Any) -> set[str]:
    """Every JSON type that a schema names."""
    if isinstance(schema, list):
        return {kind for inner in schema for kind in kinds(inner)}
    if not isinstance(schema, dict):
        return set()
    own = {schema["type"]} if isinstance(schema.get("type"), str) else set()
    return own | {kind for inner in schema.values() for kind in kinds(inner)}


class Old(Contract):
    id: UUID
    version: int
    area: str | None
    parts: list[dict[str, int]]


class Renamed(Contract):
    id: UUID
    version: int
    region: str | None = None
    parts: list[dict[str, int]]


class Retyped(Contract):
    id: UUID
    version: int
    area: str | None
    parts: list[dict[str, str | int]]


class Demanding(Old):
    wanted: str


class Richer(Old):
    added: str | None = None


@pytest.mark.promise("EB10")
@pytest.mark.parametrize(
    ("today", "why"),
    [(Renamed, ["Renamed.area: is gone"]), (Demanding, ["wanted: Field required"]), (Richer, []), (Old, [])],
)
def test_the_checker_finds_what_breaks(today: type[Contract], why: list[str]) -> None:
    """Planted: a field renamed, a field newly demanded; an added optional field breaks nobody."""
    assert breaks(today, example(Old)) == why


@pytest.mark.promise("EB10")
def test_the_checker_finds_another_type() -> None:
    golden = example(Old) | {"parts": [{"key": "1"}]}
    assert breaks(Retyped, golden) == []
    assert breaks(Old, golden) == ["Old.parts.0.key: was str, is int"]
