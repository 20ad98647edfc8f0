"""Registering senders, taking in their messages, trying a rejected one again."""

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.gateway.clients.queries import organization_area
from services.gateway.inbound import domain, payloads
from services.gateway.inbound.messages import message_record, source_record
from services.gateway.inbound.tables import InboundMessage, InboundSource
from services.gateway.signing.domain import verified_id
from services.gateway.signing.use_cases import add_secret, live_secrets
from services.gateway.signing.use_cases import rotate_secret as rotate
from shared.auth import Principal
from shared.bus.context import correlation_id
from shared.bus.outbox import record
from shared.contracts import gateway
from shared.database import locked, transaction_time, unknown_reference
from shared.ids import new_id
from shared.privacy import DataClass, Vault
from shared.problems import Conflict, Forbidden, invalid
from shared.web import must_match

FIELD = "inbound_body"


@dataclass(frozen=True)
class Wish:
    """What a new source should be."""

    id: UUID | None
    kind: str
    name: str
    area: str | None
    organization_id: UUID | None


async def create_source(db: AsyncSession, who: Principal, wish: Wish, vault: Vault) -> InboundSource:
    """A sender with its first secret. Raises Invalid, Forbidden, Conflict."""
    source = InboundSource(
        id=wish.id or new_id(),
        kind=wish.kind,
        name=wish.name,
        area=await _area_of(db, wish),
        organization_id=wish.organization_id,
        created_by=who.id,
        created_at=transaction_time(db),
    )
    who.must("inbound_sources.create", on=source.area)
    if wish.id is not None and (existing := await db.get(InboundSource, wish.id)) is not None:
        return _same_or_conflict(existing, source)
    db.add(source)
    await db.flush()
    await add_secret(db, vault, source.id)
    _record_source(db, source, "created")
    return source


async def update_source(db: AsyncSession, who: Principal, source_id: UUID, version: int, name: str) -> InboundSource:
    """Renames it."""
    source = await _locked(db, who, source_id, "update")
    if source.name == name:
        return source
    must_match(source.version, version)
    source.name = name
    source.version += 1
    _record_source(db, source, "updated")
    return source


async def disable_source(db: AsyncSession, who: Principal, source_id: UUID, reason: str | None) -> InboundSource:
    """Refuses whatever it sends from now on. What was kept before is still carried to its owner."""
    source = await _locked(db, who, source_id, "disable")
    if (state := domain.SOURCE.step(source.state, "disable")) == source.state:
        return source
    source.state, source.reason = state, reason or "by_hand"
    source.version += 1
    _record_source(db, source, "disabled")
    return source


async def rotate_secret(db: AsyncSession, who: Principal, source_id: UUID, vault: Vault) -> InboundSource:
    """A new secret; for 24 h signatures of both are accepted."""
    source = await _locked(db, who, source_id, "rotate_secret")
    await rotate(db, vault, source.id)
    source.version += 1
    _record_source(db, source, "updated")
    return source


async def take_in(
    db: AsyncSession, vault: Vault, source_id: UUID, headers: dict[str, str], body: bytes
) -> tuple[UUID, bool]:
    """Verifies and keeps a message; its id here, and whether it was here before.

    Raises Unauthenticated (``signature_invalid``; also for an unknown source), Forbidden (disabled source), Malformed,
    Invalid, Conflict (``id_conflict``: another content under the same webhook-id).
    """
    secrets = (await live_secrets(db, vault, [source_id])).get(source_id, [])
    webhook_id = verified_id(headers, body, secrets, transaction_time(db).timestamp())
    source = (await db.execute(select(InboundSource).where(col(InboundSource.id) == source_id))).scalar_one()
    if source.state != "active":
        raise Forbidden(("该来源已停用。", "This source was disabled; ask the office that registered it."))
    message = await _message(db, vault, source, webhook_id, body)
    if await _insert_once(db, message):
        record(db, gateway.RECORD, "inbound_message.received", message_record(message))
        return message.id, False
    return await _present(db, source.id, webhook_id, message.content_hash), True


async def _message(
    db: AsyncSession, vault: Vault, source: InboundSource, webhook_id: str, body: bytes
) -> InboundMessage:
    """The checked message, its body sealed. Raises Malformed, Invalid."""
    document = domain.parsed(body)
    message_type = _type_of(document, source.kind)
    payloads.checked(message_type, body)
    message_id = new_id()
    return InboundMessage(
        id=message_id,
        source_id=source.id,
        webhook_id=webhook_id,
        type=message_type,
        area=source.area,
        organization_id=source.organization_id,
        sealed=await vault.seal(body.decode(), message_id, kept_as(source.kind), FIELD),
        content_hash=_content_hash(document),
        request_id=correlation_id.get(),
        received_at=transaction_time(db),
    )


def kept_as(kind: str) -> DataClass:
    """Why the body is kept: a store's message is trade, a command's is evidence of who ordered what."""
    return DataClass.TRADE if kind == "store" else DataClass.AUDIT


async def _insert_once(db: AsyncSession, message: InboundMessage) -> bool:
    """Whether the message is new; of copies at the same moment one waits for the other's commit (WI2)."""
    values = message.model_dump(exclude={"next_attempt_at", "leased_until", "finished_at", "problem", "result_url"})
    statement = insert(InboundMessage).values(values).on_conflict_do_nothing(constraint="once_per_source")
    return (await db.execute(statement.returning(col(InboundMessage.id)))).scalar_one_or_none() is not None


async def _present(db: AsyncSession, source_id: UUID, webhook_id: str, content_hash: bytes) -> UUID:
    query = select(InboundMessage).where(
        col(InboundMessage.source_id) == source_id, col(InboundMessage.webhook_id) == webhook_id
    )
    present = (await db.execute(query)).scalar_one()
    if present.content_hash != content_hash:
        raise Conflict(
            (
                "该 webhook-id 已用于不同内容; 每条新消息须用新的 webhook-id。",
                "This webhook-id came with other content; give every new message a new one.",
            ),
            code="id_conflict",
        )
    return present.id


def _content_hash(document: dict[str, Any]) -> bytes:
    """Of type and data alone: a sender may sign a later attempt with a new timestamp."""
    content = {name: document.get(name) for name in ("type", "data")}
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()


def _type_of(document: dict[str, Any], kind: str) -> str:
    found = document.get("type")
    if found in domain.TYPES[kind]:
        return str(found)
    known = "、".join(domain.TYPES[kind])
    raise invalid(
        "/type",
        "unknown_value",
        f"该来源只能发送: {known}。",
        f"This source may send: {', '.join(domain.TYPES[kind])}; see /v1/inbound-schemas.",
    )


async def retry_message(db: AsyncSession, who: Principal, message_id: UUID) -> InboundMessage:
    """Carries a rejected message to its owner once more, for instance when the owner's data was corrected."""
    message = await locked(db, InboundMessage, message_id)
    who.must("inbound_messages.retry", on=message.area, organization=message.organization_id)
    if (state := domain.MESSAGE.step(message.state, "retry")) == message.state:
        return message
    message.state, message.problem, message.finished_at = state, None, None
    message.attempts, message.next_attempt_at, message.leased_until = 0, transaction_time(db), None
    message.version += 1
    record(db, gateway.RECORD, "inbound_message.retried", message_record(message))
    return message


async def _locked(db: AsyncSession, who: Principal, source_id: UUID, verb: str) -> InboundSource:
    source = await locked(db, InboundSource, source_id)
    who.must(f"inbound_sources.{verb}", on=source.area, organization=source.organization_id)
    return source


def _record_source(db: AsyncSession, source: InboundSource, what: str) -> None:
    record(db, gateway.RECORD, f"inbound_source.{what}", source_record(source))


def _same_or_conflict(existing: InboundSource, wanted: InboundSource) -> InboundSource:
    if any(getattr(existing, one) != getattr(wanted, one) for one in ("kind", "name", "area", "organization_id")):
        raise Conflict(
            ("该编号已用于另一个来源。", "This id belongs to another source; use a new one."), code="id_conflict"
        )
    return existing


async def _area_of(db: AsyncSession, wish: Wish) -> str:
    if (wish.kind == "store") != (wish.organization_id is not None):
        raise invalid(
            "/organization_id",
            "required_for_stores",
            "kind 为 store 时须有 organization_id, 其他来源不可有。",
            "A store needs organization_id; other sources have none.",
        )
    area = wish.area
    if wish.organization_id is not None:
        known, its_area = await organization_area(db, wish.organization_id)
        if not known:
            raise unknown_reference(wish.organization_id, "/organization_id")
        area = area or its_area
    if area is None:
        raise invalid("/area", "required", "请给出 area。", "Give the area that the source speaks for.")
    return area
