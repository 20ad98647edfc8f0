"""API clients: making, ending, renewing their secrets, and giving them tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from joserfc.jwk import OKPKey
from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway.clients import domain, queries
from services.gateway.clients.messages import client_event, client_session_event
from services.gateway.clients.tables import ApiClient
from services.gateway.identity.domain import secret_hash
from services.gateway.identity.queries import clock
from shared.answers import same_or_conflict
from shared.auth import TOKEN_SECONDS, Principal, sign_token
from shared.bus.outbox import record
from shared.contracts import gateway
from shared.database import fetched, locked, transaction_time, unknown_reference
from shared.ids import new_id
from shared.problems import invalid
from shared.revocation import revoke
from shared.web import must_match


@dataclass(frozen=True)
class NewClient:
    """What its maker asks for."""

    id: UUID | None
    name: str
    role: str
    organization_id: UUID | None
    area: str | None
    scopes: Sequence[str]


async def create_client(db: AsyncSession, who: Principal, wanted: NewClient, secret: str) -> ApiClient:
    """The maker needs the right in the client's area. Raises Forbidden, Invalid, Conflict (``id_conflict``)."""
    area = await _area_of(db, wanted)
    who.must("api_clients.create", on=area)
    if wanted.id and (existing := await db.get(ApiClient, wanted.id)):
        return _same(existing, wanted, area)
    now = transaction_time(db)
    client = ApiClient(
        id=wanted.id or new_id(),
        name=wanted.name,
        role=wanted.role,
        area=area,
        organization_id=wanted.organization_id,
        scopes=sorted(set(wanted.scopes)),
        secret_hash=secret_hash(secret),
        created_by=who.id,
        created_at=now,
        not_before=now,
    )
    db.add(client)
    record(db, gateway.RECORD, "api_client.created", client_event(client))
    return client


async def rotate_secret(db: AsyncSession, who: Principal, client_id: UUID, secret: str) -> ApiClient:
    """The new secret counts at once, the old one for another day."""
    client = await locked(db, ApiClient, client_id)
    who.must("api_clients.rotate_secret", on=client.area)
    happened = domain.rotate(client, secret_hash(secret), transaction_time(db))
    record(db, gateway.RECORD, happened, client_event(client))
    return client


async def delete_client(db: AsyncSession, who: Principal, client_id: UUID, version: int) -> ApiClient:
    """Its tokens are refused within a minute. Deleted before: unchanged."""
    client = await locked(db, ApiClient, client_id)
    who.must("api_clients.delete", on=client.area)
    if client.state == "deleted":
        return client
    must_match(client.version, version)
    if happened := domain.delete(client, await clock(db)):
        record(db, gateway.RECORD, happened, client_event(client))
        record(db, gateway.SESSION, "session.revoked", client_session_event(client))
        await revoke(db, client.id, client.not_before)
    return client


async def get_client(db: AsyncSession, who: Principal, client_id: UUID) -> ApiClient:
    client = await fetched(db, ApiClient, client_id)
    who.must("api_clients.read", on=client.area)
    return client


async def token_for(
    db: AsyncSession, key: OKPKey, client_id: UUID, secret: str, scopes: frozenset[str] | None
) -> tuple[str, frozenset[str]] | None:
    """An access token for ``scopes`` (None: all of the client's) and what it covers; None for a wrong client or secret.

    Raises ValueError when more is asked for than the client has.
    """
    # Shared with other givers, not with the use case that deletes: afterwards the client is seen as deleted.
    client = await db.get(ApiClient, client_id, with_for_update={"read": True})
    now = await clock(db)
    if client is None or client.state != "active" or not domain.knows_secret(client, secret, now):
        return None
    granted = frozenset(client.scopes) if scopes is None else scopes
    if not granted or not granted <= frozenset(client.scopes):
        raise ValueError("scope")
    token = sign_token(
        domain.principal_of(client, granted), key, TOKEN_SECONDS, issued_at=int(now.timestamp() * 1000) / 1000
    )
    return token, granted


async def _area_of(db: AsyncSession, wanted: NewClient) -> str:
    if (wanted.role == "store_manager") != (wanted.organization_id is not None):
        raise invalid(
            "/organization_id",
            "wrong_binding",
            "门店客户端须指明机构, 接收方客户端须指明区域。",
            "A store_manager client is bound to organization_id, a receiver to area only.",
        )
    area = wanted.area
    if wanted.organization_id is not None:
        known, own = await queries.organization_area(db, wanted.organization_id)
        if not known:
            raise unknown_reference(wanted.organization_id, "/organization_id")
        area = own or area
    if area is None:
        raise invalid("/area", "required", "请指明区域。", "Say in which area the client belongs.")
    return area


def _same(existing: ApiClient, wanted: NewClient, area: str) -> ApiClient:
    content = {"name": wanted.name, "role": wanted.role, "organization_id": wanted.organization_id, "area": area}
    return same_or_conflict(existing, content | {"scopes": sorted(set(wanted.scopes))})
