"""Routes of orders and quotas."""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime

from services.orders.intake import queries, use_cases
from services.orders.intake.batch import Outcome
from services.orders.intake.batcher import Batcher
from services.orders.intake.judge import Intent, OnceKey, PlacedOrder
from services.orders.intake.schemas import (
    Channel,
    OrderBatch,
    OrderBatchOutcome,
    OrderBatchRowOutcome,
    OrderCancel,
    OrderCreate,
    OrderLinesReplace,
    OrderPage,
    OrderPublic,
    OrderUpdate,
    QuotaPage,
    State,
)
from services.orders.intake.tables import Order
from shared.areas import AreaPath
from shared.auth import Principal
from shared.bus.context import correlation_id, traceparent
from shared.database import fetched
from shared.idempotency import KeyHeader, checked_key, fingerprint
from shared.idempotency import OnceKey as Once
from shared.openapi import ProblemDocument
from shared.pagination import PagingParams, paginate
from shared.problems import FieldError, Forbidden, Invalid, Problem, invalid
from shared.service import Resources
from shared.web import Caller, Db, IfMatch, ResourcesOf, language_of

router = APIRouter(prefix="/v1/orders", tags=["orders"])
quotas_router = APIRouter(prefix="/v1/quotas", tags=["quotas"])

CREATE = "POST /v1/orders"
BATCH = "POST /v1/orders/batch"
Ids = Annotated[list[UUID] | None, Query()]


@router.get("", operation_id="orders_list")
async def list_orders(
    db: Db,
    paging: PagingParams,
    area: Annotated[list[AreaPath] | None, Query(description="This place and all below it.")] = None,
    round_id: Ids = None,
    purchase_id: Ids = None,
    household_id: Ids = None,
    state: Annotated[list[State] | None, Query()] = None,
    channel: Annotated[list[Channel] | None, Query()] = None,
    code: Annotated[list[str] | None, Query(max_length=20)] = None,
    placed_at_from: AwareDatetime | None = None,
    placed_at_before: AwareDatetime | None = None,
    sort: Literal["placed_at", "placed_at_desc"] = "placed_at_desc",
    expand: Annotated[list[Literal["lines"]] | None, Query()] = None,
) -> OrderPage:
    """One's own orders, or those of one's area."""
    ids = {"round_id": round_id or [], "purchase_id": purchase_id or [], "household_id": household_id or []}
    values: dict[str, Sequence[str]] = {"state": state or [], "channel": channel or [], "code": code or []}
    query = queries.listing(area or [], ids, values, placed_at_from, placed_at_before)
    rows, cursor = await paginate(db, query, [Order.placed_at, Order.id], paging, descending=sort == "placed_at_desc")
    return OrderPage(items=await queries.summaries(db, rows, bool(expand)), next_cursor=cursor)


@router.post("", status_code=201, operation_id="orders_create", response_model=OrderPublic)
async def create(
    body: OrderCreate, request: Request, who: Caller, resources: ResourcesOf, key: KeyHeader = None
) -> Response:
    """Place an order. It counts by the time at which it is accepted, and shares its commit with others."""
    _in_scope(who, "orders.create")
    once = (who.id, CREATE, checked_key(key))
    mark = fingerprint(await request.body(), request.headers.get("content-type", ""))
    outcome = await _batcher(resources).submit(_intent(who, body, once, mark))
    assert not isinstance(outcome, Problem)
    if isinstance(outcome, PlacedOrder):
        return _answer(queries.placed(outcome), 201)
    async with resources.db.transaction(who) as db:
        there = await queries.shown(db, await fetched(db, Order, outcome.order_id))
    return _answer(there, 201, {"Idempotency-Replayed": "true"}) if outcome.replayed else _answer(there, 200)


def _batcher(resources: Resources) -> Batcher:
    batcher: Batcher = resources.extra["intake"]
    return batcher


def _in_scope(who: Principal, verb: str) -> None:
    if who.scopes is not None and verb not in who.scopes:
        raise Forbidden(("此客户端无此权限。", f"This API client's scopes do not include {verb}."))


def _intent(who: Principal, body: OrderCreate, once: OnceKey, mark: bytes) -> Intent:
    return Intent(
        who=who,
        round_id=body.round_id,
        household_id=body.household_id,
        channel=body.channel,
        lines=use_cases.wishes(body.lines),
        once=once,
        fingerprint=mark,
        id=body.id,
        taken_at=body.taken_at,
        handover=body.handover,
        headers=_event_headers(),
    )


def _event_headers() -> str:
    carried = {"correlationid": correlation_id.get(), "traceparent": traceparent.get()}
    return orjson.dumps({name: value for name, value in carried.items() if value}).decode()


def _answer(order: OrderPublic, status: int, headers: dict[str, str] | None = None) -> Response:
    tags = {"ETag": f'"{order.version}"', "Cache-Control": "private, no-cache"}
    return Response(order.model_dump_json(), status, tags | (headers or {}), "application/json")


@router.post("/batch", operation_id="orders_batch")
async def batch(
    body: OrderBatch,
    request: Request,
    response: Response,
    who: Caller,
    resources: ResourcesOf,
    key: KeyHeader = None,
) -> OrderBatchOutcome:
    """Orders of many households at once, by staff; each row is accepted or refused by itself, unless ``atomic``."""
    who.must("orders.batch")
    if len({row.row_id for row in body.rows}) < len(body.rows):
        raise invalid("/rows", "duplicate", "row_id 不能重复。", "Give each row a row_id of its own.")
    once = (who.id, BATCH, checked_key(key))
    mark = fingerprint(await request.body(), request.headers.get("content-type", ""))
    intents = [_row_intent(who, row.row_id, row, once) for row in body.rows]
    outcomes, seen = await _batcher(resources).place_many(intents, once, mark, atomic=body.atomic)
    if body.atomic and (errors := _row_errors(outcomes)):
        raise Invalid(("有行被拒绝, 未作任何更改。", "Some rows are refused, so nothing was changed."), errors=errors)
    if seen:
        response.headers["Idempotency-Replayed"] = "true"
    shown = [_row_outcome(request, row.row_id, outcome) for row, outcome in zip(body.rows, outcomes, strict=True)]
    return OrderBatchOutcome(rows=shown)


def _row_intent(who: Principal, row_id: str, row: OrderCreate, once: OnceKey) -> Intent:
    caller, route, key = once
    mark = hashlib.sha256(row.model_dump_json().encode()).digest()
    return _intent(who, row, (caller, route, f"{key} {row_id}"), mark)


def _row_errors(outcomes: Any) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, outcome in enumerate(outcomes):
        if isinstance(outcome, Problem):
            inside = outcome.errors or (FieldError("", outcome.code, outcome.detail),)
            errors += [FieldError(f"/rows/{index}{e.pointer}", e.code, e.detail, params=e.params) for e in inside]
    return errors


def _row_outcome(request: Request, row_id: str, outcome: Outcome) -> OrderBatchRowOutcome:
    if isinstance(outcome, Problem):
        language = language_of(request.headers.get("accept-language"))
        document = outcome.body(language, BATCH.partition(" ")[2], request.scope["state"].get("request_id"))
        problem = ProblemDocument.model_validate(document)
        return OrderBatchRowOutcome(row_id=row_id, outcome="rejected", id=None, problem=problem)
    if isinstance(outcome, PlacedOrder):
        return OrderBatchRowOutcome(row_id=row_id, outcome="created", id=outcome.id, problem=None)
    return OrderBatchRowOutcome(row_id=row_id, outcome="unchanged", id=outcome.order_id, problem=None)


@router.get("/{order_id}", operation_id="orders_get")
async def get(
    order_id: UUID,
    db: Db,
    response: Response,
    expand: Annotated[list[Literal["allowed_actions"]] | None, Query()] = None,
) -> OrderPublic:
    """One order with its lines and its money. Its money moves without a new version, so it is never 304."""
    return _tagged(response, await queries.shown(db, await fetched(db, Order, order_id), expand or ()))


def _tagged(response: Response, order: OrderPublic) -> OrderPublic:
    response.headers["ETag"] = f'"{order.version}"'
    response.headers["Cache-Control"] = "private, no-cache"
    return order


@router.patch("/{order_id}", operation_id="orders_update")
async def update(
    order_id: UUID, body: OrderUpdate, db: Db, who: Caller, version: IfMatch, response: Response
) -> OrderPublic:
    """Choose gate or door, before the cut-off."""
    order = await use_cases.update_order(db, who, order_id, body, version)
    return _tagged(response, await queries.shown(db, order))


@router.put("/{order_id}/lines", operation_id="orders_replace_lines")
async def replace_lines(
    order_id: UUID, body: OrderLinesReplace, db: Db, who: Caller, version: IfMatch, response: Response
) -> OrderPublic:
    """Amend: all lines anew, before the cut-off."""
    order = await use_cases.replace_lines(db, who, order_id, body.lines, version)
    return _tagged(response, await queries.shown(db, order))


@router.post("/{order_id}/cancel", operation_id="orders_cancel")
async def cancel(order_id: UUID, body: OrderCancel, once: Once, db: Db, response: Response) -> OrderPublic:
    """Cancel: a household until the cut-off, staff until the purchase is sent."""
    return _tagged(response, await queries.shown(db, await once(use_cases.cancel_order, order_id, body)))


@quotas_router.get("", operation_id="quotas_list")
async def list_quotas(
    db: Db,
    who: Caller,
    paging: PagingParams,
    round_id: Annotated[UUID, Query()],
    household_id: Annotated[UUID, Query()],
) -> QuotaPage:
    """What a household may still order of the round's rationed items."""
    items, cursor = await queries.quotas(db, who, round_id, household_id, paging)
    return QuotaPage(items=items, next_cursor=cursor)


routers = (router, quotas_router)
