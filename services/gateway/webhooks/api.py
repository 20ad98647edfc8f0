"""Webhook endpoints and deliveries over HTTP."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime
from sqlalchemy import Select, SQLColumnExpression, select
from sqlmodel import col

from services.gateway.feed.tables import FeedEvent
from services.gateway.signing.use_cases import newest_secret
from services.gateway.webhooks import deliveries, published, use_cases
from services.gateway.webhooks.egress import Egress
from services.gateway.webhooks.schemas import (
    DeliveryState,
    EndpointState,
    WebhookDeliveryPage,
    WebhookDeliveryPublic,
    WebhookDeliverySummary,
    WebhookEndpointCreate,
    WebhookEndpointPage,
    WebhookEndpointPatch,
    WebhookEndpointPublic,
    WebhookEndpointSecret,
    WebhookReplayWish,
    delivery_public,
    delivery_summary,
    endpoint_public,
    endpoint_with_secret,
)
from services.gateway.webhooks.tables import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from shared.areas import AreaPath, within
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.jobs import OperationPublic, accepted
from shared.openapi import PUBLIC
from shared.pagination import PagingParams, paginate
from shared.problems import NotFound
from shared.web import Caller, Db, IfMatch, ResourcesOf, Transition, tagged

router = APIRouter(prefix="/v1/webhook-endpoints", tags=["webhook_endpoints"])
delivery_router = APIRouter(prefix="/v1/webhook-deliveries", tags=["webhook_deliveries"])
schema_router = APIRouter(prefix="/v1/webhook-schemas", tags=["webhook_schemas"])


@router.get("", operation_id="webhook_endpoints_list")
async def list_(
    db: Db,
    who: Caller,
    paging: PagingParams,
    area: Annotated[AreaPath | None, Query(description="Endpoints of this area and below.")] = None,
    organization_id: UUID | None = None,
    state: Annotated[list[EndpointState] | None, Query()] = None,
) -> WebhookEndpointPage:
    """The endpoints of one's areas and organizations."""
    who.must("webhook_endpoints.read")
    query, area_column = select(WebhookEndpoint), cast(SQLColumnExpression[str], WebhookEndpoint.area)
    if area is not None:
        query = query.where(within(area_column, [area]))
    if organization_id is not None:
        query = query.where(col(WebhookEndpoint.organization_id) == organization_id)
    if state:
        query = query.where(col(WebhookEndpoint.state).in_(state))
    rows, cursor = await paginate(db, query, [col(WebhookEndpoint.id)], paging)
    return WebhookEndpointPage(items=[endpoint_public(row) for row in rows], next_cursor=cursor)


@router.post("", operation_id="webhook_endpoints_create", status_code=201)
async def create(
    body: WebhookEndpointCreate, response: Response, once: OnceKey, db: Db, resources: ResourcesOf
) -> WebhookEndpointSecret:
    """Register a receiver. It stays ``pending`` until it answers the handshake (``OPTIONS``)."""
    wish = use_cases.Wish(**body.model_dump())
    endpoint = await once(use_cases.create_endpoint, wish, _egress(resources), resources.vault)
    return await _with_secret(endpoint, response, db, resources)


@router.get("/{endpoint_id}", operation_id="webhook_endpoints_get")
async def get(endpoint_id: UUID, request: Request, response: Response, db: Db, who: Caller) -> WebhookEndpointPublic:
    """One endpoint, with its handshake and health."""
    endpoint = await fetched(db, WebhookEndpoint, endpoint_id)
    who.must("webhook_endpoints.read", on=endpoint.area, organization=endpoint.organization_id)
    return endpoint_public(tagged(request, response, endpoint))


@router.patch("/{endpoint_id}", operation_id="webhook_endpoints_update")
async def update(
    endpoint_id: UUID, body: WebhookEndpointPatch, version: IfMatch, db: Db, who: Caller, resources: ResourcesOf
) -> WebhookEndpointPublic:
    """Change name, url, event types or areas. Another URL must answer the handshake anew."""
    changes = body.model_dump(exclude_unset=True)
    return endpoint_public(await use_cases.update_endpoint(db, who, endpoint_id, version, changes, _egress(resources)))


@router.delete("/{endpoint_id}", operation_id="webhook_endpoints_delete", status_code=204)
async def delete(endpoint_id: UUID, version: IfMatch, db: Db, who: Caller) -> None:
    """End it for good. What waits is cancelled; the log stays."""
    await use_cases.delete_endpoint(db, who, endpoint_id, version)


@router.post("/{endpoint_id}/enable", operation_id="webhook_endpoints_enable")
async def enable(endpoint_id: UUID, body: Transition, once: OnceKey) -> WebhookEndpointPublic:
    """Ask the receiver for its consent (again); once it agrees, the endpoint is enabled."""
    return endpoint_public(await once(use_cases.enable_endpoint, endpoint_id))


@router.post("/{endpoint_id}/disable", operation_id="webhook_endpoints_disable")
async def disable(endpoint_id: UUID, body: Transition, once: OnceKey) -> WebhookEndpointPublic:
    """Stop sending at once; what waits goes out when it is enabled again."""
    return endpoint_public(await once(use_cases.disable_endpoint, endpoint_id, body.reason_code))


@router.post("/{endpoint_id}/rotate-secret", operation_id="webhook_endpoints_rotate_secret")
async def rotate_secret(
    endpoint_id: UUID, body: Transition, response: Response, once: OnceKey, db: Db, resources: ResourcesOf
) -> WebhookEndpointSecret:
    """A new secret; for 24 h every message carries signatures of both."""
    endpoint = await once(use_cases.rotate_secret, endpoint_id, resources.vault)
    return await _with_secret(endpoint, response, db, resources)


@router.post("/{endpoint_id}/ping", operation_id="webhook_endpoints_ping")
async def ping(endpoint_id: UUID, body: Transition, once: OnceKey) -> WebhookDeliverySummary:
    """Send a ``webhook_endpoint.ping`` to try the way; follow it in ``webhook-deliveries``."""
    return delivery_summary(await once(deliveries.ping, endpoint_id))


@router.post("/{endpoint_id}/replay", operation_id="webhook_endpoints_replay", status_code=202)
async def replay(
    endpoint_id: UUID, body: WebhookReplayWish, once: OnceKey, request: Request, response: Response
) -> OperationPublic:
    """Send everything of a span of time again, in order, without a limit; also what was missed while disabled."""
    job = await once(deliveries.replay_endpoint, endpoint_id, body.from_at, body.before_at, body.event_types)
    return accepted(request, response, job, "gateway")


@delivery_router.get("", operation_id="webhook_deliveries_list")
async def list_deliveries(
    db: Db,
    who: Caller,
    paging: PagingParams,
    endpoint_id: Annotated[list[UUID] | None, Query()] = None,
    state: Annotated[list[DeliveryState] | None, Query()] = None,
    event_type: Annotated[list[str] | None, Query(max_length=20)] = None,
    event_id: Annotated[list[UUID] | None, Query()] = None,
    entity_id: Annotated[list[UUID] | None, Query()] = None,
    created_at_from: AwareDatetime | None = None,
    created_at_before: AwareDatetime | None = None,
    sort: Literal["created_at", "created_at_desc"] = "created_at",
) -> WebhookDeliveryPage:
    """The delivery log of the endpoints one may see."""
    who.must("webhook_deliveries.read")
    among = {"endpoint_id": endpoint_id, "state": state, "event_type": event_type}
    query = _narrowed(among | {"event_id": event_id, "entity_id": entity_id}, created_at_from, created_at_before)
    position = [col(WebhookDelivery.position)]
    rows, cursor = await paginate(db, query, position, paging, descending=sort == "created_at_desc")
    return WebhookDeliveryPage(items=[delivery_summary(row) for row in rows], next_cursor=cursor)


def _narrowed(
    among: Mapping[str, Sequence[Any] | None], since: datetime | None, before: datetime | None
) -> Select[WebhookDelivery]:
    query = select(WebhookDelivery)
    for name, wanted in among.items():
        if wanted:
            query = query.where(col(getattr(WebhookDelivery, name)).in_(wanted))
    if since is not None:
        query = query.where(col(WebhookDelivery.created_at) >= since)
    return query if before is None else query.where(col(WebhookDelivery.created_at) < before)


@delivery_router.get("/{delivery_id}", operation_id="webhook_deliveries_get")
async def get_delivery(delivery_id: UUID, db: Db, who: Caller) -> WebhookDeliveryPublic:
    """One delivery with every attempt and the event."""
    delivery = await fetched(db, WebhookDelivery, delivery_id)
    endpoint = await fetched(db, WebhookEndpoint, delivery.endpoint_id)
    who.must("webhook_deliveries.read", on=endpoint.area, organization=endpoint.organization_id)
    attempts = (
        select(WebhookAttempt)
        .where(col(WebhookAttempt.delivery_id) == delivery_id)
        .order_by(col(WebhookAttempt.number))
    )
    event = await db.get(FeedEvent, delivery.event_id)
    log = list((await db.execute(attempts)).scalars())
    return delivery_public(delivery, log, None if event is None else orjson.loads(event.body))


@delivery_router.post("/{delivery_id}/replay", operation_id="webhook_deliveries_replay", status_code=201)
async def replay_delivery(delivery_id: UUID, body: Transition, once: OnceKey) -> WebhookDeliverySummary:
    """Send one event to its endpoint again, with the same webhook-id."""
    return delivery_summary(await once(deliveries.replay_delivery, delivery_id))


def _egress(resources: ResourcesOf) -> Egress:
    return Egress(resources.settings.webhook_networks)


@schema_router.get("", operation_id="webhook_schemas_list", openapi_extra=PUBLIC)
async def list_schemas(response: Response) -> dict[str, str]:
    """The catalogue: event type → where its JSON Schema is."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return {type: f"/v1/webhook-schemas/{type}" for type in published.told()}


@schema_router.get("/{type}", operation_id="webhook_schemas_get", openapi_extra=PUBLIC)
async def get_schema(type: str, response: Response) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one event type."""
    if type not in published.told():
        raise NotFound(("没有这种事件。", "There is no such event type; see /v1/webhook-schemas."))
    response.headers["Cache-Control"] = "public, max-age=300"
    return published.json_schema(type)


async def _with_secret(
    endpoint: WebhookEndpoint, response: Response, db: Db, resources: ResourcesOf
) -> WebhookEndpointSecret:
    response.headers["Cache-Control"] = "no-store"
    return endpoint_with_secret(endpoint, await newest_secret(db, resources.vault, endpoint.id))
