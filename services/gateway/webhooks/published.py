"""The event as receivers see it, and its published JSON Schemas."""

from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.gateway.webhooks.catalogue import PING, event_types


class ThinData(BaseModel):
    """What the event is about. Read the thing itself at ``url``; ``version`` grows with every event of it."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": True})

    id: UUID
    version: int = Field(ge=1)
    area: str | None = Field(description="The place that it concerns, as an area path.")
    url: str = Field(description="Relative to the gateway's address.")
    request_id: str | None


class ThinEvent(BaseModel):
    """One object for webhook, feed and stream. Fields may be added; ignore those you do not know."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": True})

    id: UUID = Field(description="Equal to the header webhook-id; the same in every attempt and replay.")
    type: str
    timestamp: datetime = Field(description="When it happened.")
    recorded_at: datetime = Field(description="When Linli learned it, by its database's clock.")
    data: ThinData


@cache
def told() -> dict[str, str]:
    """Event type → the path at which its thing is read, in the order of the catalogue."""
    return {one.name: one.path for one in event_types()} | {PING: "/v1/webhook-endpoints/{id}"}


def json_schema(event_type: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one event type."""
    schema = ThinEvent.model_json_schema()
    schema["properties"]["type"] = {"type": "string", "const": event_type}
    return _document(f"/v1/webhook-schemas/{event_type}", schema)


def any_event_schema() -> dict[str, Any]:
    """The JSON Schema of every event, its type one of the catalogue's."""
    schema = ThinEvent.model_json_schema()
    schema["properties"]["type"] = {"type": "string", "enum": list(told())}
    return _document("/v1/webhook-schemas", schema)


def _document(id: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": id, **schema}
