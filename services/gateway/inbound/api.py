"""Messages in, their senders, their schemas."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from sqlalchemy import select
from sqlmodel import col

from services.gateway.identity.sign_in import ITSELF
from services.gateway.inbound import domain, payloads, use_cases
from services.gateway.inbound.schemas import (
    InboundAccepted,
    InboundMessagePage,
    InboundMessagePublic,
    InboundSourceCreate,
    InboundSourcePage,
    InboundSourcePatch,
    InboundSourcePublic,
    InboundSourceSecret,
    MessageState,
    SourceKind,
    message_public,
    source_fields,
)
from services.gateway.inbound.tables import InboundMessage, InboundSource
from services.gateway.limits import Policy
from services.gateway.signing.use_cases import newest_secret
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.openapi import PUBLIC
from shared.pagination import PagingParams, paginate
from shared.problems import NotFound, TooLarge
from shared.web import Caller, Db, IfMatch, ResourcesOf, Transition, language_of, tagged

inbound = APIRouter(prefix="/v1/inbound", tags=["inbound"])
sources = APIRouter(prefix="/v1/inbound-sources", tags=["inbound_sources"])
messages = APIRouter(prefix="/v1/inbound-messages", tags=["inbound_messages"])
schemas = APIRouter(prefix="/v1/inbound-schemas", tags=["inbound_schemas"])

PER_MINUTE = Policy("inbound", 1200, 60)
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object", "description": "See /v1/inbound-schemas; at most 256 KiB, 32 levels."},
                "example": payloads.CONFIRMATION,
            }
        },
    }
}
StandardHeader = Annotated[str | None, Header(description="Standard Webhooks.")]


@inbound.post("/{source_id}", operation_id="inbound_create", status_code=202, openapi_extra=PUBLIC | BODY)
async def receive(
    source_id: UUID,
    request: Request,
    resources: ResourcesOf,
    webhook_id: StandardHeader = None,
    webhook_timestamp: StandardHeader = None,
    webhook_signature: StandardHeader = None,
) -> InboundAccepted:
    """Send a message, signed over its raw bytes (Standard Webhooks, v1). Kept before the answer, acted on after."""
    (await resources.extra["limiter"].take(PER_MINUTE, str(source_id))).must()
    headers = {
        "webhook-id": webhook_id or "",
        "webhook-timestamp": webhook_timestamp or "",
        "webhook-signature": webhook_signature or "",
    }
    body = await _bounded(request)
    async with resources.db.transaction(ITSELF) as db:
        message_id, duplicate = await use_cases.take_in(db, resources.vault, source_id, headers, body)
    return InboundAccepted(message_id=message_id, duplicate=duplicate)


async def _bounded(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > domain.BODY_AT_MOST:
            raise TooLarge(
                (
                    "消息不得超过 256 KiB; 更大的名单请用上传接口。",
                    "A message has at most 256 KiB; use an upload for bigger lists.",
                )
            )
    return bytes(body)


@schemas.get("", operation_id="inbound_schemas_list", openapi_extra=PUBLIC)
async def list_schemas(response: Response) -> dict[str, str]:
    """Message type → where its JSON Schema is."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return {type: f"/v1/inbound-schemas/{type}" for type in payloads.MODELS}


@schemas.get("/{type}", operation_id="inbound_schemas_get", openapi_extra=PUBLIC)
async def get_schema(type: str, response: Response) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one message type."""
    if type not in payloads.MODELS:
        raise NotFound(("没有这种消息。", "There is no such message type; see /v1/inbound-schemas."))
    response.headers["Cache-Control"] = "public, max-age=300"
    return payloads.json_schema(type)


@sources.get("", operation_id="inbound_sources_list")
async def list_sources(
    db: Db,
    who: Caller,
    paging: PagingParams,
    kind: Annotated[list[SourceKind] | None, Query()] = None,
    organization_id: UUID | None = None,
) -> InboundSourcePage:
    """The registered senders of one's areas and organizations."""
    who.must("inbound_sources.read")
    query = select(InboundSource)
    if kind:
        query = query.where(col(InboundSource.kind).in_(kind))
    if organization_id is not None:
        query = query.where(col(InboundSource.organization_id) == organization_id)
    rows, cursor = await paginate(db, query, [col(InboundSource.id)], paging)
    return InboundSourcePage(items=[_shown(row) for row in rows], next_cursor=cursor)


@sources.post("", operation_id="inbound_sources_create", status_code=201)
async def create(
    body: InboundSourceCreate, response: Response, once: OnceKey, db: Db, resources: ResourcesOf
) -> InboundSourceSecret:
    """Register a sender; give it the url and the secret."""
    source = await once(use_cases.create_source, use_cases.Wish(**body.model_dump()), resources.vault)
    return await _with_secret(source, response, db, resources)


@sources.get("/{source_id}", operation_id="inbound_sources_get")
async def get(source_id: UUID, request: Request, response: Response, db: Db, who: Caller) -> InboundSourcePublic:
    """One sender."""
    source = await fetched(db, InboundSource, source_id)
    who.must("inbound_sources.read", on=source.area, organization=source.organization_id)
    return _shown(tagged(request, response, source))


@sources.patch("/{source_id}", operation_id="inbound_sources_update")
async def update(
    source_id: UUID, body: InboundSourcePatch, version: IfMatch, db: Db, who: Caller
) -> InboundSourcePublic:
    """Rename a sender."""
    return _shown(await use_cases.update_source(db, who, source_id, version, body.name))


@sources.post("/{source_id}/disable", operation_id="inbound_sources_disable")
async def disable(source_id: UUID, body: Transition, once: OnceKey) -> InboundSourcePublic:
    """Refuse whatever it sends from now on."""
    return _shown(await once(use_cases.disable_source, source_id, body.reason_code))


@sources.post("/{source_id}/rotate-secret", operation_id="inbound_sources_rotate_secret")
async def rotate_secret(
    source_id: UUID, body: Transition, response: Response, once: OnceKey, db: Db, resources: ResourcesOf
) -> InboundSourceSecret:
    """A new secret; for 24 h signatures of both are accepted."""
    source = await once(use_cases.rotate_secret, source_id, resources.vault)
    return await _with_secret(source, response, db, resources)


@messages.get("", operation_id="inbound_messages_list")
async def list_messages(
    request: Request,
    db: Db,
    who: Caller,
    paging: PagingParams,
    source_id: Annotated[list[UUID] | None, Query()] = None,
    webhook_id: Annotated[list[str] | None, Query(max_length=20)] = None,
    state: Annotated[list[MessageState] | None, Query()] = None,
) -> InboundMessagePage:
    """What came in, and what became of it."""
    who.must("inbound_messages.read")
    query = select(InboundMessage)
    if source_id:
        query = query.where(col(InboundMessage.source_id).in_(source_id))
    if webhook_id:
        query = query.where(col(InboundMessage.webhook_id).in_(webhook_id))
    if state:
        query = query.where(col(InboundMessage.state).in_(state))
    rows, cursor = await paginate(db, query, [col(InboundMessage.id)], paging)
    language = language_of(request.headers.get("accept-language"))
    return InboundMessagePage(items=[message_public(row, language) for row in rows], next_cursor=cursor)


@messages.get("/{message_id}", operation_id="inbound_messages_get")
async def get_message(
    message_id: UUID, request: Request, response: Response, db: Db, who: Caller
) -> InboundMessagePublic:
    """One message; when it was rejected, why."""
    message = await fetched(db, InboundMessage, message_id)
    who.must("inbound_messages.read", on=message.area, organization=message.organization_id)
    response.headers["Cache-Control"] = "private, no-cache"
    return message_public(message, language_of(request.headers.get("accept-language")))


@messages.post("/{message_id}/retry", operation_id="inbound_messages_retry")
async def retry(message_id: UUID, request: Request, body: Transition, once: OnceKey) -> InboundMessagePublic:
    """Carry a rejected message to its owner once more."""
    message = await once(use_cases.retry_message, message_id)
    return message_public(message, language_of(request.headers.get("accept-language")))


def _shown(source: InboundSource) -> InboundSourcePublic:
    return InboundSourcePublic(**source_fields(source, domain.TYPES[source.kind]))


async def _with_secret(
    source: InboundSource, response: Response, db: Db, resources: ResourcesOf
) -> InboundSourceSecret:
    response.headers["Cache-Control"] = "no-store"
    secret = await newest_secret(db, resources.vault, source.id)
    return InboundSourceSecret(**source_fields(source, domain.TYPES[source.kind]), secret=secret)
