"""What goes in and out over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from services.gateway.webhooks.tables import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from shared.areas import AreaPath
from shared.pagination import Page
from shared.web import Body, Public

EndpointState = Literal["pending", "enabled", "disabled", "deleted"]
DeliveryState = Literal["pending", "delivered", "failed", "cancelled"]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120)]
Url = Annotated[str, StringConstraints(min_length=8, max_length=2000)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Patterns = Annotated[list[Pattern], Field(min_length=1, max_length=100)]
Areas = Annotated[list[AreaPath], Field(max_length=200)]

ENDPOINT: JsonDict = {
    "id": "0195c2a0-0000-7000-8000-000000000001",
    "version": 2,
    "state": "enabled",
    "reason": None,
    "name": "District returns",
    "url": "https://returns.example.gov.cn/linli",
    "event_types": ["purchase.*", "shortage.decided"],
    "areas": ["42.01.12.013"],
    "area": "42.01.12.013",
    "organization_id": None,
    "handshake": {"attempts": 1, "due_at": None, "error": None},
    "health": {"failures": 0, "paused_until": None},
    "created_at": "2020-02-12T02:00:00.000Z",
}
DELIVERY: JsonDict = {
    "id": "0195c2a0-0000-7000-8000-000000000009",
    "endpoint_id": "0195c2a0-0000-7000-8000-000000000001",
    "event_id": "0195c2a0-0000-7000-8000-000000000005",
    "replay_id": None,
    "event_type": "purchase.sent",
    "entity_id": "0195c2a0-0000-7000-8000-000000000003",
    "seq": 4,
    "state": "delivered",
    "attempts": 1,
    "next_attempt_at": None,
    "last_status": 204,
    "last_error": None,
    "created_at": "2020-02-17T10:00:00.000Z",
    "finished_at": "2020-02-17T10:00:00.210Z",
}


class WebhookEndpointCreate(Body):
    """Owned by exactly one of ``area`` and ``organization_id``; ``areas`` narrows it (default: the owner's area)."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "District returns",
                "url": "https://returns.example.gov.cn/linli",
                "event_types": ["purchase.*", "shortage.decided"],
                "area": "42.01.12.013",
            }
        }
    )

    id: UUID | None = None
    name: Name
    url: Url
    event_types: Patterns
    areas: Areas = Field(default_factory=list)
    area: AreaPath | None = None
    organization_id: UUID | None = None


class WebhookEndpointPatch(Body):
    """Merge-patch; absent = unchanged."""

    model_config = ConfigDict(json_schema_extra={"example": {"event_types": ["purchase.*", "round.*"]}})

    name: Name = Field(default_factory=str)
    url: Url = Field(default_factory=str)
    event_types: Patterns = Field(default_factory=list)
    areas: Areas = Field(default_factory=list)


class WebhookReplayWish(Body):
    """Everything recorded from ``from_at`` (inclusive) to ``before_at`` (exclusive; default now)."""

    model_config = ConfigDict(json_schema_extra={"example": {"from_at": "2020-02-17T10:00:00Z", "event_types": ["*"]}})

    from_at: AwareDatetime
    before_at: AwareDatetime | None = None
    event_types: Patterns = Field(default_factory=lambda: ["*"])


class WebhookHandshake(Public):
    """The question for the receiver's consent; ``due_at`` null: not asked (again) by itself."""

    attempts: int
    due_at: datetime | None
    error: str | None


class WebhookHealth(Public):
    """Failures in a row; until ``paused_until`` nothing is sent."""

    failures: int
    paused_until: datetime | None


class WebhookEndpointPublic(Public):
    """Where somebody hears of what concerns them."""

    model_config = ConfigDict(json_schema_extra={"example": ENDPOINT})

    id: UUID
    version: int
    state: EndpointState
    reason: str | None
    name: str
    url: str
    event_types: list[str]
    areas: list[str]
    area: str | None
    organization_id: UUID | None
    handshake: WebhookHandshake
    health: WebhookHealth
    created_at: datetime


class WebhookEndpointSecret(WebhookEndpointPublic):
    """The same with the newest secret, shown to whoever made or rotated it; null once it was destroyed."""

    model_config = ConfigDict(
        json_schema_extra={"example": ENDPOINT | {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="}}
    )

    secret: str | None


class WebhookEndpointPage(Page):
    """One page of endpoints."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [ENDPOINT], "next_cursor": None}})

    items: list[WebhookEndpointPublic]


class WebhookDeliverySummary(Public):
    """One event on its way to one endpoint. ``event_id`` is the webhook-id."""

    model_config = ConfigDict(json_schema_extra={"example": DELIVERY})

    id: UUID
    endpoint_id: UUID
    event_id: UUID
    replay_id: UUID | None
    event_type: str
    entity_id: UUID
    seq: int
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime
    finished_at: datetime | None


class WebhookAttemptPublic(Public):
    """One try. ``error``: timeout, connection_failed, tls_failed, address_refused, redirected, status, gone."""

    number: int
    started_at: datetime
    duration_ms: int
    status: int | None
    error: str | None


class WebhookDeliveryPublic(WebhookDeliverySummary):
    """With its log and the event that is sent; the event is null once the feed has forgotten it."""

    model_config = ConfigDict(json_schema_extra={"example": DELIVERY | {"attempt_log": [], "event": None}})

    attempt_log: list[WebhookAttemptPublic]
    event: dict[str, Any] | None


class WebhookDeliveryPage(Page):
    """One page of deliveries."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [DELIVERY], "next_cursor": None}})

    items: list[WebhookDeliverySummary]


def endpoint_public(endpoint: WebhookEndpoint) -> WebhookEndpointPublic:
    """Row → answer."""
    return WebhookEndpointPublic(**_endpoint_fields(endpoint))


def endpoint_with_secret(endpoint: WebhookEndpoint, secret: str | None) -> WebhookEndpointSecret:
    """Row and secret → answer."""
    return WebhookEndpointSecret(**_endpoint_fields(endpoint), secret=secret)


def _endpoint_fields(endpoint: WebhookEndpoint) -> dict[str, Any]:
    names = WebhookEndpointPublic.model_fields.keys() - {"handshake", "health"}
    return {
        **{name: getattr(endpoint, name) for name in names},
        "handshake": WebhookHandshake(
            attempts=endpoint.handshake_attempts, due_at=endpoint.handshake_due_at, error=endpoint.handshake_error
        ),
        "health": WebhookHealth(failures=endpoint.failures, paused_until=endpoint.paused_until),
    }


def delivery_public(
    delivery: WebhookDelivery, log: list[WebhookAttempt], event: dict[str, Any] | None
) -> WebhookDeliveryPublic:
    """Row, attempts and event → answer."""
    return WebhookDeliveryPublic(
        **delivery_summary(delivery).model_dump(),
        attempt_log=[WebhookAttemptPublic.model_validate(attempt) for attempt in log],
        event=event,
    )


def delivery_summary(delivery: WebhookDelivery) -> WebhookDeliverySummary:
    """Row → line of a list; a final delivery has no next attempt."""
    summary = WebhookDeliverySummary.model_validate(delivery)
    return summary if delivery.state == "pending" else summary.model_copy(update={"next_attempt_at": None})
