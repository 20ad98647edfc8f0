"""API clients in and out."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from shared.areas import AreaPath
from shared.pagination import Page
from shared.web import Body, Public

Scope = Annotated[str, StringConstraints(pattern=r"^[a-z_]+\.[a-z_]+$", max_length=80)]
Role = Literal["store_manager", "receiver"]

_EXAMPLE: JsonDict = {
    "id": "0195c2a0-0000-7000-8000-000000000001",
    "version": 1,
    "name": "中百仓储订货系统",
    "role": "store_manager",
    "area": "42.01.12.013",
    "organization_id": "0195c2a0-0000-7000-8000-000000000003",
    "scopes": ["purchases.confirm", "purchases.read"],
    "state": "active",
    "created_at": "2020-02-17T02:00:00.000Z",
}


class ApiClientCreate(Body):
    """``store_manager`` acts for ``organization_id``; ``receiver`` reads in ``area``. Scopes are verbs, such as
    ``purchases.confirm``. ``area`` may be left out where the organization has one.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "中百仓储订货系统",
                "role": "store_manager",
                "organization_id": "0195c2a0-0000-7000-8000-000000000003",
                "scopes": ["purchases.read", "purchases.confirm"],
            }
        }
    )

    id: UUID | None = None
    name: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    role: Role
    organization_id: UUID | None = None
    area: AreaPath | None = None
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=50)]


class ApiClientPublic(Public):
    """A system that calls by itself."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    id: UUID
    version: int
    name: str
    role: Role
    area: str
    organization_id: UUID | None
    scopes: list[str]
    state: Literal["active", "deleted"]
    created_at: datetime


class ApiClientWithSecret(ApiClientPublic):
    """``secret`` is shown in this answer only; null when the request is repeated with its key."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE | {"secret": "lcs_2p…"}})

    secret: str | None


class ApiClientPage(Page):
    """API clients, oldest first."""

    items: list[ApiClientPublic]


class OauthToken(Public):
    """RFC 6749 §5.1."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"access_token": "eyJ…", "token_type": "Bearer", "expires_in": 300, "scope": "purchases.read"}
        }
    )

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str


class OauthError(Public):
    """RFC 6749 §5.2."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"error": "invalid_client", "error_description": "Unknown client or secret."}}
    )

    error: str
    error_description: str
