"""What an API client may be: one role, in an area or for an organization, narrowed to named verbs."""

from datetime import datetime, timedelta

from services.gateway.clients.tables import ApiClient
from services.gateway.identity.domain import milliseconds_up, secret_hash
from shared.auth import Grant, Principal
from shared.machine import Machine

API_CLIENT = Machine("api_client", {"active": {"rotate_secret": "active", "delete": "deleted"}})
OVERLAP = timedelta(hours=24)
"""For so long the secret before the last rotation still counts."""


def rotate(client: ApiClient, new_hash: bytes, now: datetime) -> str:
    """A new secret; the one before counts for another day, an older one no more. Raises TransitionNotAllowed."""
    API_CLIENT.step(client.state, "rotate_secret")
    client.previous_secret_hash, client.previous_until = client.secret_hash, now + OVERLAP
    client.secret_hash = new_hash
    client.version += 1
    return "api_client.secret_rotated"


def delete(client: ApiClient, now: datetime) -> str | None:
    """Ends the client and its tokens. Returns the event that happened, or None if it was deleted already."""
    if (state := API_CLIENT.step(client.state, "delete")) == client.state:
        return None
    client.state, client.version = state, client.version + 1
    client.not_before = milliseconds_up(now)
    client.previous_secret_hash = client.previous_until = None
    return "api_client.deleted"


def knows_secret(client: ApiClient, secret: str, now: datetime) -> bool:
    """Whether the secret is the present one, or the one before within its day."""
    digest = secret_hash(secret)
    if digest == client.secret_hash:
        return True
    return digest == client.previous_secret_hash and client.previous_until is not None and now < client.previous_until


def principal_of(client: ApiClient, scopes: frozenset[str]) -> Principal:
    """Whom a token of the client names; its session is the client itself."""
    grant = Grant(client.role, None if client.organization_id else client.area, client.organization_id)
    return Principal(id=client.id, kind="client", session_id=client.id, grants=(grant,), scopes=scopes)
