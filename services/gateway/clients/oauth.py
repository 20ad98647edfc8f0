"""``POST /v1/oauth/token``: client credentials (RFC 6749 §4.4), with the RFC's own errors."""

import base64
import binascii
from typing import Annotated, cast
from urllib.parse import unquote_plus
from uuid import UUID

from fastapi import APIRouter, Form, Header
from fastapi.responses import JSONResponse

from services.gateway.clients import use_cases
from services.gateway.clients.schemas import OauthError, OauthToken
from services.gateway.identity.keys import signing_key
from services.gateway.identity.sign_in import ITSELF
from services.gateway.settings import GatewaySettings
from shared.auth import TOKEN_SECONDS
from shared.openapi import PUBLIC
from shared.web import ResourcesOf

oauth = APIRouter(prefix="/v1/oauth", tags=["oauth"])
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
ERRORS = {
    "invalid_request": "Send grant_type, client_id and client_secret as application/x-www-form-urlencoded.",
    "unsupported_grant_type": "Only client_credentials is supported.",
    "invalid_client": "Unknown client or secret.",
    "invalid_scope": "Ask only for scopes that the client has.",
}


@oauth.post(
    "/token",
    operation_id="oauth_token",
    response_model=OauthToken,
    responses={400: {"model": OauthError}, 401: {"model": OauthError}},
    openapi_extra=PUBLIC,
)
async def token(
    resources: ResourcesOf,
    grant_type: Annotated[str | None, Form()] = None,
    client_id: Annotated[str | None, Form()] = None,
    client_secret: Annotated[str | None, Form()] = None,
    scope: Annotated[str | None, Form(description="Verbs with spaces between; all of the client's if absent.")] = None,
    authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> JSONResponse:
    """An access token for an API client; credentials in the form or by HTTP Basic."""
    if authorization is not None:
        client_id, client_secret = _basic(authorization)
    if not grant_type or not client_id or not client_secret:
        return _refusal("invalid_request")
    if grant_type != "client_credentials":
        return _refusal("unsupported_grant_type")
    try:
        known_as = UUID(client_id)
    except ValueError:
        return _refusal("invalid_client", 401)
    wanted = None if scope is None else frozenset(scope.split())
    try:
        async with resources.db.transaction(ITSELF) as db:
            key = signing_key(cast(GatewaySettings, resources.settings))
            given = await use_cases.token_for(db, key, known_as, client_secret, wanted)
    except ValueError:
        return _refusal("invalid_scope")
    if given is None:
        return _refusal("invalid_client", 401)
    access_token, granted = given
    answer = OauthToken(
        access_token=access_token,
        token_type="Bearer",  # noqa: S106
        expires_in=TOKEN_SECONDS,
        scope=" ".join(sorted(granted)),
    )
    return JSONResponse(answer.model_dump(), headers=NO_STORE)


def _basic(authorization: str) -> tuple[str | None, str | None]:
    """User and password of HTTP Basic, each form-encoded (RFC 6749 §2.3.1)."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None, None
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None, None
    return unquote_plus(user), unquote_plus(password)


def _refusal(error: str, status: int = 400) -> JSONResponse:
    headers = NO_STORE | ({"WWW-Authenticate": 'Basic realm="linli"'} if status == 401 else {})
    return JSONResponse({"error": error, "error_description": ERRORS[error]}, status_code=status, headers=headers)
