"""What households were told: the inbox of the app, and the lists of calls and slips for workers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlmodel import col

from services.gateway.notifications.domain import Kind
from services.gateway.notifications.queries import readable
from services.gateway.notifications.schemas import (
    Channel,
    NotificationPage,
    NotificationPublic,
    State,
    notification_public,
)
from services.gateway.notifications.tables import Notification
from shared.areas import AreaPath, within
from shared.pagination import PagingParams, paginate
from shared.problems import NotFound
from shared.web import Caller, Db, tagged

router = APIRouter(prefix="/v1/notifications", tags=["notifications"])
Ids = Annotated[list[UUID] | None, Query()]


@router.get("", operation_id="notifications_list")
async def list_(
    db: Db,
    who: Caller,
    paging: PagingParams,
    household_id: Ids = None,
    kind: Annotated[list[Kind] | None, Query()] = None,
    channel: Annotated[list[Channel] | None, Query()] = None,
    state: Annotated[list[State] | None, Query()] = None,
    area: Annotated[list[AreaPath] | None, Query(description="These places and all below.")] = None,
) -> NotificationPage:
    """What one's household was told, the latest first; for a worker, what the households of the area were told."""
    query = await readable(db, who)
    for column, wanted in (
        (col(Notification.household_id), household_id),
        (col(Notification.kind), kind),
        (col(Notification.channel), channel),
        (col(Notification.state), state),
    ):
        if wanted:
            query = query.where(column.in_(wanted))
    if area:
        query = query.where(within(col(Notification.area), area))
    rows, cursor = await paginate(db, query, [col(Notification.id)], paging, descending=True)
    return NotificationPage(items=[notification_public(row) for row in rows], next_cursor=cursor)


@router.get("/{notification_id}", operation_id="notifications_get")
async def get(notification_id: UUID, request: Request, response: Response, db: Db, who: Caller) -> NotificationPublic:
    """One of them."""
    query = (await readable(db, who)).where(col(Notification.id) == notification_id)
    row = (await db.execute(query)).scalar_one_or_none()
    if row is None:
        raise NotFound()
    return notification_public(tagged(request, response, row))
