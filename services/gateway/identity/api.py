"""Signing in, staying signed in, signing out."""

from typing import Any, cast
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.gateway.addresses import client_address
from services.gateway.identity import queries, sign_in, use_cases
from services.gateway.identity.keys import key_set
from services.gateway.identity.schemas import (
    MePublic,
    SessionCreate,
    SessionPage,
    SessionPublic,
    SessionRefresh,
    SignedIn,
    SignInCodePublic,
    SignInCodeRequest,
)
from services.gateway.identity.tables import Session
from services.gateway.identity.use_cases import Tokens
from services.gateway.settings import GatewaySettings
from shared.answers import Answers
from shared.openapi import PUBLIC
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, IfMatch, ResourcesOf

codes = APIRouter(prefix="/v1/sign-in-codes", tags=["sign_in_codes"])
sessions = APIRouter(prefix="/v1/sessions", tags=["sessions"])
me = APIRouter(prefix="/v1/me", tags=["me"])
jwks = APIRouter(include_in_schema=False)


@codes.post("", operation_id="sign_in_codes_create", status_code=201, openapi_extra=PUBLIC)
async def send_code(
    body: SignInCodeRequest, request: Request, response: Response, resources: ResourcesOf
) -> SignInCodePublic:
    """Sends six digits by SMS. The answer is the same whether the telephone is known or not."""
    sent = await sign_in.send_code(resources, resources.extra["limiter"], body.phone, address_of(request))
    response.headers["Cache-Control"] = "no-store"
    return SignInCodePublic(id=sent.row.id, expires_at=sent.row.expires_at, code=sent.digits)


@sessions.post("", operation_id="sessions_create", status_code=201, openapi_extra=PUBLIC)
async def create(body: SessionCreate, response: Response, resources: ResourcesOf) -> SignedIn:
    """Signs in with a code; who was not known before is known from now on."""
    response.headers["Cache-Control"] = "no-store"
    return _signed_in(await sign_in.sign_in(resources, body.sign_in_code_id, body.phone, body.code, body.device))


@sessions.post("/refresh", operation_id="sessions_refresh", openapi_extra=PUBLIC)
async def refresh(body: SessionRefresh, response: Response, resources: ResourcesOf) -> SignedIn:
    """The next access token, with the roles of now. A refresh token that was used before ends its session."""
    response.headers["Cache-Control"] = "no-store"
    return _signed_in(await sign_in.refresh(resources, body.refresh_token))


@sessions.get("", operation_id="sessions_list")
async def list_(db: Db, who: Caller, paging: PagingParams) -> SessionPage:
    """One's own sessions."""
    use_cases.must_be_person(who)
    rows, cursor = await paginate(db, queries.sessions_of(who.id), [Session.id], paging)
    return SessionPage(items=[SessionPublic.model_validate(row) for row in rows], next_cursor=cursor)


@sessions.delete("/{session_id}", operation_id="sessions_delete")
async def delete(session_id: UUID, version: IfMatch, db: Db, who: Caller, answers: Answers) -> SessionPublic:
    """Signs that device out; its tokens are refused within a minute."""
    return SessionPublic.model_validate(answers.one(await use_cases.end_session(db, who, session_id, version)))


@me.get("", operation_id="me_get")
async def get_me(request: Request, response: Response, resources: ResourcesOf) -> MePublic:
    """Who the token says one is; every token may ask, whatever its scopes."""
    who = await resources.verifier.principal(request.headers.get("authorization"))
    response.headers["Cache-Control"] = "private, no-cache"
    return MePublic.of(who)


@jwks.get("/v1/.well-known/jwks.json")
@jwks.get("/.well-known/jwks.json")
async def keys(resources: ResourcesOf, response: Response) -> dict[str, Any]:
    """The public keys of access tokens (RFC 7517)."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return {"keys": [key.as_dict(private=False) for key in key_set(cast(GatewaySettings, resources.settings)).keys]}


def address_of(request: Request) -> str:
    """The client's address, as limits count it."""
    settings = cast(GatewaySettings, request.app.state.resources.settings)
    peer = request.client.host if request.client else ""
    return client_address(peer, request.headers.get("x-forwarded-for"), settings.trusted_proxies)


def _signed_in(tokens: Tokens) -> SignedIn:
    return SignedIn(
        session=SessionPublic.model_validate(tokens.session),
        access_token=tokens.access_token,
        token_type="Bearer",  # noqa: S106
        expires_in=tokens.expires_in,
        refresh_token=tokens.refresh_token,
    )
