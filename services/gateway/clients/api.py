"""API clients, and their tokens by RFC 6749."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.gateway.clients import queries, use_cases
from services.gateway.clients.schemas import ApiClientCreate, ApiClientPage, ApiClientPublic, ApiClientWithSecret
from services.gateway.clients.tables import ApiClient
from services.gateway.identity.domain import new_secret, secret_hash
from shared.answers import Answers
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, IfMatch

router = APIRouter(prefix="/v1/api-clients", tags=["api_clients"])


@router.post("", operation_id="api_clients_create", status_code=201)
async def create(body: ApiClientCreate, response: Response, once: OnceKey, answers: Answers) -> ApiClientWithSecret:
    """Makes a client for a store's or receiver's system. The secret is in this answer only."""
    secret = new_secret("lcs")
    wanted = use_cases.NewClient(**body.model_dump())
    client = answers.created(await once(use_cases.create_client, wanted, secret))
    return _with_secret(client, secret, response)


@router.get("", operation_id="api_clients_list")
async def list_(
    db: Db,
    who: Caller,
    paging: PagingParams,
    organization_id: Annotated[UUID | None, Query()] = None,
    state: Annotated[Literal["active", "deleted"] | None, Query()] = None,
) -> ApiClientPage:
    """Clients in the areas where the caller may see them."""
    query = queries.clients(who.areas_for("api_clients.read"), organization_id, state)
    rows, cursor = await paginate(db, query, [ApiClient.id], paging)
    return ApiClientPage(items=[ApiClientPublic.model_validate(row) for row in rows], next_cursor=cursor)


@router.get("/{client_id}", operation_id="api_clients_get")
async def get(client_id: UUID, db: Db, who: Caller, answers: Answers) -> ApiClientPublic:
    """One client."""
    return ApiClientPublic.model_validate(answers.one(await use_cases.get_client(db, who, client_id)))


@router.post("/{client_id}/rotate-secret", operation_id="api_clients_rotate_secret")
async def rotate_secret(client_id: UUID, response: Response, once: OnceKey, answers: Answers) -> ApiClientWithSecret:
    """A new secret, in this answer only; the old one counts for another day."""
    secret = new_secret("lcs")
    client = answers.one(await once(use_cases.rotate_secret, client_id, secret))
    return _with_secret(client, secret, response)


@router.delete("/{client_id}", operation_id="api_clients_delete")
async def delete(client_id: UUID, version: IfMatch, db: Db, who: Caller, answers: Answers) -> ApiClientPublic:
    """Ends the client; its tokens are refused within a minute."""
    client = answers.one(await use_cases.delete_client(db, who, client_id, version))
    return ApiClientPublic.model_validate(client)


def _with_secret(client: ApiClient, secret: str, response: Response) -> ApiClientWithSecret:
    response.headers["Cache-Control"] = "no-store"
    shown = secret if secret_hash(secret) == client.secret_hash else None
    fields = ApiClientPublic.model_validate(client).model_dump()
    return ApiClientWithSecret(**fields, secret=shown)
