"""Events as CloudEvents 1.0 in Kafka's binary mode: attributes as headers, the payload's JSON as value.

Headers: ``ce_id`` (UUIDv7), ``ce_type``, ``ce_source`` (the entity), ``ce_time`` (when it happened), ``ce_dataschema``
(topic with version), and the extensions ``ce_sequence`` (seq, 20 digits), ``ce_recordedtime`` (PostgreSQL's clock),
``ce_correlationid``; ``traceparent`` as W3C writes it. A tombstone has these headers and no value.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary
from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.formats.base import Format
from cloudevents.core.v1.event import CloudEvent
from pydantic import ValidationError

from shared.clock import from_wire, to_wire
from shared.contracts.base import Contract, Event, Topic, identity

Headers = Sequence[tuple[str, bytes]]


class Unreadable(Exception):
    """A record that is no event of its topic; the message says why and holds nothing of the payload."""


class _BytesAsTheyAre(Format):
    """The payload is JSON already; the library must neither parse nor print it."""

    def read(self, event_factory: Any, data: str | bytes) -> BaseCloudEvent:
        raise NotImplementedError("structured mode is not used")

    def write(self, event: BaseCloudEvent) -> bytes:
        raise NotImplementedError("structured mode is not used")

    def write_data(self, data: Any, datacontenttype: str | None) -> bytes:
        return data or b""

    def read_data(self, body: bytes, datacontenttype: str | None) -> bytes:
        return body

    def get_content_type(self) -> str:
        return "application/json"


_FORMAT = _BytesAsTheyAre()


def schema_of(topic: str) -> str:
    """``dataschema``: another for each version of a topic; a reader notices a payload that it was not written for."""
    return f"/schemas/{topic}"


def to_kafka(event: Event, body: bytes | None) -> tuple[bytes, bytes | None, Headers]:
    """Key, value and headers of the Kafka record; ``body`` None makes a tombstone."""
    service, resource, _ = event.topic.split(".")
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(event.id),
        "type": event.type,
        "source": f"/{service}/{resource}/{event.key}",
        "time": event.occurred_at,
        "datacontenttype": "application/json",
        "dataschema": schema_of(event.topic),
        "sequence": f"{event.seq:020d}",
        "recordedtime": to_wire(event.recorded_at),
    }
    if event.correlation_id:
        attributes["correlationid"] = event.correlation_id
    message = to_binary(CloudEvent(attributes, body), _FORMAT)
    headers = list(message.headers.items())
    if event.traceparent:
        headers.append(("traceparent", event.traceparent.encode()))
    return str(event.key).encode(), None if body is None else message.value, headers


def from_kafka(topic: Topic, key: bytes | None, value: bytes | None, headers: Headers) -> Event:
    """The event inside a record. Raises Unreadable."""
    try:
        return _event(topic, key, value, dict(headers))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['type']}" for e in error.errors()[:5])
        raise Unreadable(f"the payload is not {topic.payload.__name__} ({problems})") from None
    except BaseCloudEventException:
        raise Unreadable("the headers are not those of a CloudEvent") from None
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Unreadable(f"a header is missing or malformed ({type(error).__name__})") from None


def _event(topic: Topic, key: bytes | None, value: bytes | None, headers: Mapping[str, bytes]) -> Event:
    attributes = from_binary(KafkaMessage(dict(headers), None, value or b""), _FORMAT).get_attributes()
    if attributes["specversion"] != "1.0" or attributes.get("dataschema") != schema_of(topic.name):
        raise Unreadable("an unknown version of CloudEvents or of the topic's schema")
    event_type = attributes["type"]
    trace = headers.get("traceparent")
    event = Event(
        id=UUID(attributes["id"]),
        type=event_type,
        topic=topic.name,
        key=UUID((key or b"").decode()),
        seq=int(attributes["sequence"]),
        occurred_at=attributes["time"],
        recorded_at=from_wire(attributes["recordedtime"]),
        correlation_id=attributes.get("correlationid"),
        traceparent=trace.decode() if trace else None,
        payload=_payload(topic, event_type, value),
        body=None if value is None else value.decode(),
    )
    if event.payload is not None:
        named = identity(event.payload)
        if (named.id, named.version) != (event.key, event.seq):
            raise Unreadable("key and sequence are not those of the payload")
    return event


def _payload(topic: Topic, event_type: str, value: bytes | None) -> Contract | None:
    if event_type not in topic.all_types:
        return None  # added by a newer writer; whoever does not know it skips it
    if value is None:
        if topic.kind == "state" and event_type == topic.erased_type:
            return None
        raise Unreadable("no payload, and no tombstone of a state topic")
    return topic.payload.model_validate_json(value)
