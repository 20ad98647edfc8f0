"""Contract → thin event, and endpoint → contract."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from services.gateway.webhooks.catalogue import PING, url_of
from services.gateway.webhooks.tables import WebhookEndpoint
from shared.clock import to_wire
from shared.contracts.base import Contract, Event
from shared.contracts.record import RecordV1

ORGANIZATION_REFS = frozenset({"organization", "organization_id", "store", "store_id"})


@dataclass(frozen=True)
class Concern:
    """Whom an event concerns: places, and organizations."""

    area: str | None
    areas: list[str]
    organization_ids: list[UUID]


def concern_of(payload: Contract) -> Concern:
    """From the fields that the contracts have in common: area, areas, store_id, organization_id, refs."""
    area: str | None = getattr(payload, "area", None)
    areas: Iterable[str] = getattr(payload, "areas", None) or ([area] if area else [])
    named = {getattr(payload, name, None) for name in ("store_id", "organization_id")}
    if isinstance(payload, RecordV1):
        named |= {id for name, id in payload.refs.items() if name in ORGANIZATION_REFS}
    return Concern(area, list(areas), sorted(id for id in named if id is not None))


def thin(event: Event, area: str | None) -> bytes:
    """The one object of webhook, feed and stream (api.md §9): ids and places, no persons, no figures."""
    return _body(
        event.id,
        event.type,
        (event.occurred_at, event.recorded_at),
        {
            "id": str(event.key),
            "version": event.seq,
            "area": area,
            "url": url_of(event),
            "request_id": event.correlation_id,
        },
    )


def ping_body(event_id: UUID, endpoint: WebhookEndpoint, now: datetime, request_id: str | None) -> bytes:
    """An event about the endpoint itself, to try the way."""
    data = {
        "id": str(endpoint.id),
        "version": endpoint.version,
        "area": endpoint.area,
        "url": f"/v1/webhook-endpoints/{endpoint.id}",
        "request_id": request_id,
    }
    return _body(event_id, PING, (now, now), data)


def _body(id: UUID, type: str, times: tuple[datetime, datetime], data: dict[str, object]) -> bytes:
    happened, recorded = times
    return orjson.dumps(
        {
            "id": str(id),
            "type": type,
            "timestamp": to_wire(happened),
            "recorded_at": to_wire(recorded),
            "data": data,
        }
    )


def endpoint_record(endpoint: WebhookEndpoint) -> RecordV1:
    """The event of an endpoint that changed."""
    refs = {"organization_id": endpoint.organization_id} if endpoint.organization_id else {}
    return RecordV1(
        id=endpoint.id,
        version=endpoint.version,
        area=endpoint.area,
        kind="webhook_endpoint",
        state=endpoint.state,
        refs=refs,
        reason=endpoint.reason,
    )
