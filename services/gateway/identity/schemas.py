"""What goes in and out when somebody signs in."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, StringConstraints
from pydantic.config import JsonDict

from shared.auth import Grant, Principal
from shared.identifiers import Phone
from shared.pagination import Page
from shared.web import Body, Public

_ID = "0195c2a0-0000-7000-8000-000000000001"
_SESSION: JsonDict = {
    "id": _ID,
    "version": 1,
    "person_id": "0195c2a0-0000-7000-8000-000000000002",
    "state": "live",
    "reason": None,
    "device": "王阿姨的手机",
    "created_at": "2020-02-17T02:00:00.000Z",
    "refreshed_at": "2020-02-17T02:00:00.000Z",
    "expires_at": "2020-03-18T02:00:00.000Z",
}
_ROLE: JsonDict = {"role": "community_worker", "area": "42.01.12.013.001", "organization_id": None}


class SignInCodeRequest(Body):
    """Where to send a code: a mobile number of mainland China."""

    model_config = ConfigDict(json_schema_extra={"example": {"phone": "13800138000"}})

    phone: Phone


class SignInCodePublic(Public):
    """A code was sent. ``code`` is null outside the laptop profile."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"id": _ID, "expires_at": "2020-02-17T02:05:00.000Z", "code": None}}
    )

    id: UUID
    expires_at: datetime
    code: str | None


class SessionCreate(Body):
    """``device`` is a name by which the person knows this sign-in again."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"sign_in_code_id": _ID, "phone": "13800138000", "code": "042117", "device": "王阿姨的手机"}
        }
    )

    sign_in_code_id: UUID
    phone: Phone
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
    device: Annotated[str, StringConstraints(max_length=80)] | None = None


class SessionRefresh(Body):
    """The refresh token of the last answer; it counts once."""

    model_config = ConfigDict(json_schema_extra={"example": {"refresh_token": "lrt_2p…"}})

    refresh_token: Annotated[str, StringConstraints(max_length=200)]


class SessionPublic(Public):
    """One signed-in device. ``reason`` of a revoked one: signed_out, refresh_token_reused."""

    model_config = ConfigDict(json_schema_extra={"example": _SESSION})

    id: UUID
    version: int
    person_id: UUID
    state: Literal["live", "revoked"]
    reason: str | None
    device: str | None
    created_at: datetime
    refreshed_at: datetime
    expires_at: datetime


class SessionPage(Page):
    """Sessions, oldest first."""

    items: list[SessionPublic]


class SignedIn(Public):
    """Send ``access_token`` as bearer for ``expires_in`` seconds, then trade ``refresh_token`` for the next pair."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "session": _SESSION,
                "access_token": "eyJ…",
                "token_type": "Bearer",
                "expires_in": 300,
                "refresh_token": "lrt_2p…",
            }
        }
    )

    session: SessionPublic
    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str


class HeldRole(Public):
    """A role in an area, or for an organization."""

    model_config = ConfigDict(json_schema_extra={"example": _ROLE})

    role: str
    area: str | None
    organization_id: UUID | None


class MePublic(Public):
    """Whom the token names. ``scopes`` of an API client; null for people."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"id": _ID, "kind": "person", "session_id": _ID, "roles": [_ROLE], "scopes": None}
        }
    )

    id: UUID
    kind: Literal["person", "client", "service"]
    session_id: UUID
    roles: list[HeldRole]
    scopes: list[str] | None

    @classmethod
    def of(cls, who: Principal) -> "MePublic":
        return cls(
            id=who.id,
            kind=who.kind,
            session_id=who.session_id,
            roles=[_role(grant) for grant in who.grants],
            scopes=None if who.scopes is None else sorted(who.scopes),
        )


def _role(grant: Grant) -> HeldRole:
    return HeldRole(role=grant.role, area=grant.area, organization_id=grant.organization_id)
