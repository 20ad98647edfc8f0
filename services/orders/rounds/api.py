"""Routes of rounds."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from services.orders.rounds import queries, use_cases
from services.orders.rounds.schemas import (
    RoundCancel,
    RoundCreate,
    RoundDemand,
    RoundExtend,
    RoundPage,
    RoundProgress,
    RoundPublic,
    RoundSummary,
    RoundUpdate,
    State,
)
from services.orders.rounds.tables import Round
from shared.answers import Answers
from shared.areas import AreaPath
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.web import Caller, Db, IfMatch, Transition

router = APIRouter(prefix="/v1/rounds", tags=["rounds"])

Expand = Annotated[list[Literal["offers", "allowed_actions"]] | None, Query()]


@router.get("", operation_id="rounds_list")
async def list_rounds(
    db: Db,
    paging: PagingParams,
    area: Annotated[list[AreaPath] | None, Query(description="This place and all below it.")] = None,
    state: Annotated[list[State] | None, Query()] = None,
    store_id: Annotated[list[UUID] | None, Query()] = None,
    purchase_id: Annotated[list[UUID] | None, Query()] = None,
    code: Annotated[str | None, Query(pattern="^[0-9]{4,20}$")] = None,
    cut_off_at_from: AwareDatetime | None = None,
    cut_off_at_before: AwareDatetime | None = None,
) -> RoundPage:
    """Rounds, the newest first; drafts only to those who run them."""
    query = queries.listing(
        area or [], state or [], store_id or [], purchase_id or [], code, cut_off_at_from, cut_off_at_before
    )
    rows, cursor = await paginate(db, query, [Round.id], paging, descending=True)
    return RoundPage(items=[RoundSummary.model_validate(row) for row in rows], next_cursor=cursor)


@router.post("", status_code=201, operation_id="rounds_create")
async def create(body: RoundCreate, once: OnceKey, db: Db, answer: Answers) -> RoundPublic:
    """Draft a round of a community within a purchase."""
    return await queries.shown(db, answer.created(await once(use_cases.create_round, body)))


@router.get("/{round_id}", operation_id="rounds_get")
async def get(round_id: UUID, db: Db, answer: Answers, expand: Expand = None) -> RoundPublic:
    """One round."""
    round = await fetched(db, Round, round_id)
    return await queries.shown(db, round if expand else answer.one(round), expand or ())


@router.patch("/{round_id}", operation_id="rounds_update")
async def update(
    round_id: UUID, body: RoundUpdate, db: Db, who: Caller, version: IfMatch, answer: Answers
) -> RoundPublic:
    """Change a draft."""
    return await queries.shown(db, answer.one(await use_cases.update_round(db, who, round_id, body, version)))


@router.post("/{round_id}/open", operation_id="rounds_open")
async def open_now(round_id: UUID, body: Transition, once: OnceKey, db: Db, answer: Answers) -> RoundPublic:
    """Open now, before ``opens_at``; the policy in force is pinned."""
    return await queries.shown(db, answer.one(await once(use_cases.open_round, round_id)))


@router.post("/{round_id}/close", operation_id="rounds_close")
async def close(round_id: UUID, body: Transition, once: OnceKey, db: Db, answer: Answers) -> RoundPublic:
    """Close before its time; where the minimum is missed, its rule decides."""
    return await queries.shown(db, answer.one(await once(use_cases.close_round, round_id, body)))


@router.post("/{round_id}/extend", operation_id="rounds_extend")
async def extend(round_id: UUID, body: RoundExtend, once: OnceKey, db: Db, answer: Answers) -> RoundPublic:
    """Give it a later cut-off, once, not past the purchase's ``send_at``."""
    return await queries.shown(db, answer.one(await once(use_cases.extend_round, round_id, body)))


@router.post("/{round_id}/cancel", operation_id="rounds_cancel")
async def cancel(round_id: UUID, body: RoundCancel, once: OnceKey, db: Db, answer: Answers) -> RoundPublic:
    """Call it off; every order is cancelled and what was paid is owed back."""
    return await queries.shown(db, answer.one(await once(use_cases.cancel_round, round_id, body)))


@router.get("/{round_id}/demand", operation_id="rounds_demand")
async def demand(round_id: UUID, db: Db) -> RoundDemand:
    """What has been ordered so far, per item."""
    return await queries.demand(db, round_id)


@router.get("/{round_id}/progress", operation_id="rounds_progress")
async def progress(round_id: UUID, db: Db) -> RoundProgress:
    """Counters of orders and parcels."""
    return await queries.progress(db, round_id)
