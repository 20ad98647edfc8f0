"""Views over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from sqlalchemy import text
from sqlmodel import col

from services.gateway.notifications.queries import CLAIMED, claim_of, readable
from services.gateway.notifications.schemas import notification_public
from services.gateway.notifications.tables import Notification
from services.gateway.views.parts import Asker
from services.gateway.views.resident_home import Home, resident_home
from services.gateway.views.schemas import ResidentHome
from shared.problems import NotFound
from shared.web import Caller, ResourcesOf

router = APIRouter(prefix="/v1/views", tags=["views"])
HOMES_AT_MOST = 5
TOLD_AT_MOST = 20
HOMES = text(f"SELECT key, area, notify FROM household_copies WHERE {CLAIMED} ORDER BY key LIMIT :most")  # noqa: S608


@router.get("/resident-home", operation_id="views_resident_home")
async def get_resident_home(
    response: Response,
    who: Caller,
    resources: ResourcesOf,
    household_id: Annotated[UUID | None, Query(description="Only this one of one's own households.")] = None,
    authorization: Annotated[str, Header(include_in_schema=False)] = "",
) -> ResidentHome:
    """Everything that concerns one's own households now. A missing part is named, not an error."""
    response.headers["Cache-Control"] = "private, no-cache"
    async with resources.db.transaction(who) as db:
        rows = (await db.execute(HOMES, {"claim": claim_of(who.id), "most": HOMES_AT_MOST})).all()
        homes = [Home(row.key, row.area, row.notify) for row in rows if household_id in (None, row.key)]
        if household_id is not None and not homes:
            raise NotFound()
        mine = col(Notification.household_id).in_([home.id for home in homes])
        query = (await readable(db, who)).where(mine).order_by(col(Notification.id).desc()).limit(TOLD_AT_MOST)
        told = [notification_public(row) for row in (await db.execute(query)).scalars()]
    return await resident_home(Asker(resources, authorization), homes, told)
