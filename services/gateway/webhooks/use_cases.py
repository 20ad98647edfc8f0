"""What people and systems may do with endpoints."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.gateway.signing.tables import SigningSecret
from services.gateway.signing.use_cases import add_secret
from services.gateway.signing.use_cases import rotate_secret as rotate
from services.gateway.webhooks import health
from services.gateway.webhooks.catalogue import known_patterns
from services.gateway.webhooks.domain import ENDPOINT
from services.gateway.webhooks.egress import Egress, UrlRefused
from services.gateway.webhooks.messages import endpoint_record
from services.gateway.webhooks.tables import WebhookEndpoint
from shared import areas as area_paths
from shared.auth import Principal
from shared.bus.outbox import record
from shared.contracts import gateway
from shared.database import locked, transaction_time
from shared.ids import new_id
from shared.privacy import Vault
from shared.problems import Conflict, invalid
from shared.web import must_match

COLLECTION = "webhook_endpoints"


@dataclass(frozen=True)
class Wish:
    """What a new endpoint should be. Owned by exactly one of ``area`` and ``organization_id``."""

    id: UUID | None
    name: str
    url: str
    event_types: list[str]
    areas: list[str]
    area: str | None
    organization_id: UUID | None


async def create_endpoint(
    db: AsyncSession, who: Principal, wish: Wish, egress: Egress, vault: Vault
) -> WebhookEndpoint:
    """A pending endpoint with its first secret; the worker asks the receiver. Raises Invalid, Forbidden, Conflict."""
    _must_have_one_owner(wish)
    who.must(f"{COLLECTION}.create", on=wish.area, organization=wish.organization_id)
    endpoint = WebhookEndpoint(
        id=wish.id or new_id(),
        name=wish.name,
        url=_checked_url(wish.url, egress),
        event_types=checked_types(wish.event_types),
        areas=_checked_areas(wish.areas, wish.area),
        area=wish.area,
        organization_id=wish.organization_id,
        handshake_due_at=transaction_time(db),
        created_by=who.id,
        created_at=transaction_time(db),
    )
    if wish.id is not None and (existing := await db.get(WebhookEndpoint, wish.id)) is not None:
        return _same_or_conflict(existing, endpoint)
    db.add(endpoint)
    await db.flush()
    await add_secret(db, vault, endpoint.id)
    _record(db, endpoint, "created")
    return endpoint


async def update_endpoint(
    db: AsyncSession, who: Principal, endpoint_id: UUID, version: int, changes: dict[str, Any], egress: Egress
) -> WebhookEndpoint:
    """Merge-patch of name, url, event_types and areas; another URL must agree anew."""
    endpoint = await _locked(db, who, endpoint_id, "update")
    checked = dict(changes)
    if "url" in changes:
        checked["url"] = _checked_url(changes["url"], egress)
    if "event_types" in changes:
        checked["event_types"] = checked_types(changes["event_types"])
    if "areas" in changes:
        checked["areas"] = _checked_areas(changes["areas"], endpoint.area)
    checked = {name: value for name, value in checked.items() if getattr(endpoint, name) != value}
    if not checked:
        return endpoint
    must_match(endpoint.version, version)
    for name, value in checked.items():
        setattr(endpoint, name, value)
    if "url" in checked and endpoint.state == "enabled":
        endpoint.state = ENDPOINT.step(endpoint.state, "change_url")
    if "url" in checked and endpoint.state == "pending":
        _ask_anew(db, endpoint)
    endpoint.version += 1
    _record(db, endpoint, "updated")
    return endpoint


async def enable_endpoint(db: AsyncSession, who: Principal, endpoint_id: UUID) -> WebhookEndpoint:
    """Asks the receiver for its consent (again); an open endpoint stays as it is."""
    endpoint = await _locked(db, who, endpoint_id, "enable")
    if endpoint.state == "enabled":
        return endpoint
    before, endpoint.state = endpoint.state, ENDPOINT.step(endpoint.state, "enable")
    _ask_anew(db, endpoint)
    if before != endpoint.state:
        endpoint.reason = None
        endpoint.version += 1
        _record(db, endpoint, "updated")
    return endpoint


async def disable_endpoint(db: AsyncSession, who: Principal, endpoint_id: UUID, reason: str | None) -> WebhookEndpoint:
    """Stops sending at once; what waits goes out when it is enabled again."""
    endpoint = await _locked(db, who, endpoint_id, "disable")
    health.disable(db, endpoint, reason or "by_hand")
    return endpoint


async def rotate_secret(db: AsyncSession, who: Principal, endpoint_id: UUID, vault: Vault) -> WebhookEndpoint:
    """A new secret; for 24 h every message is signed with both."""
    endpoint = await _locked(db, who, endpoint_id, "rotate_secret")
    await rotate(db, vault, endpoint.id)
    endpoint.version += 1
    _record(db, endpoint, "updated")
    return endpoint


CANCEL = text(
    "UPDATE webhook_deliveries SET state = 'cancelled', finished_at = now(), lease = NULL, leased_until = NULL"
    " WHERE endpoint_id = :id AND state = 'pending'"
)


async def delete_endpoint(db: AsyncSession, who: Principal, endpoint_id: UUID, version: int) -> WebhookEndpoint:
    """Ends it for good; its log stays readable. A second call changes nothing."""
    endpoint = await _locked(db, who, endpoint_id, "delete")
    if endpoint.state == "deleted":
        return endpoint
    must_match(endpoint.version, version)
    endpoint.state, endpoint.handshake_due_at = ENDPOINT.step(endpoint.state, "delete"), None
    endpoint.version += 1
    await db.execute(CANCEL, {"id": endpoint.id})
    await db.execute(delete(SigningSecret).where(col(SigningSecret.owner_id) == endpoint.id))
    _record(db, endpoint, "deleted")
    return endpoint


async def _locked(db: AsyncSession, who: Principal, endpoint_id: UUID, verb: str) -> WebhookEndpoint:
    endpoint = await locked(db, WebhookEndpoint, endpoint_id)
    who.must(f"{COLLECTION}.{verb}", on=endpoint.area, organization=endpoint.organization_id)
    return endpoint


def _record(db: AsyncSession, endpoint: WebhookEndpoint, what: str) -> None:
    record(db, gateway.RECORD, f"webhook_endpoint.{what}", endpoint_record(endpoint))


def _ask_anew(db: AsyncSession, endpoint: WebhookEndpoint) -> None:
    now: datetime = transaction_time(db)
    endpoint.handshake_attempts, endpoint.handshake_due_at, endpoint.handshake_error = 0, now, None


CONTENT = ("name", "url", "event_types", "areas", "area", "organization_id")


def _same_or_conflict(existing: WebhookEndpoint, wanted: WebhookEndpoint) -> WebhookEndpoint:
    if any(getattr(existing, name) != getattr(wanted, name) for name in CONTENT):
        raise Conflict(
            ("该编号已用于另一个接收端。", "This id belongs to another endpoint; use a new one."), code="id_conflict"
        )
    return existing


def _must_have_one_owner(wish: Wish) -> None:
    if (wish.area is None) == (wish.organization_id is None):
        raise invalid(
            "/area",
            "one_owner",
            "area 与 organization_id 须恰有一个。",
            "Give exactly one of area and organization_id: whose endpoint it is.",
        )


def _checked_url(url: str, egress: Egress) -> str:
    try:
        return egress.check_url(url)
    except UrlRefused as refused:
        zh, _, en = str(refused).partition("|")
        raise invalid("/url", refused.code, zh, en) from refused


def checked_types(event_types: list[str]) -> list[str]:
    known = known_patterns()
    for index, pattern in enumerate(event_types):
        if pattern not in known:
            raise invalid(
                f"/event_types/{index}",
                "unknown_value",
                "没有这种事件; 见 GET /v1/webhook-schemas。",
                "No such event; see GET /v1/webhook-schemas. Patterns are a type, <entity>.* or *.",
            )
    return sorted(set(event_types))


def _checked_areas(areas: list[str], owner: str | None) -> list[str]:
    if owner is None:
        return sorted(set(areas))
    for index, area in enumerate(areas):
        if not area_paths.covers(owner, area):
            raise invalid(f"/areas/{index}", "outside", "须在 area 之内。", "It must lie within the endpoint's area.")
    return sorted(set(areas)) or [owner]
