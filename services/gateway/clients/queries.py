"""What API clients are listed by, and where organizations belong."""

from uuid import UUID

from sqlalchemy import Select, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.gateway.clients.tables import ApiClient
from shared.areas import within


def clients(areas: list[str], organization_id: UUID | None, state: str | None) -> Select[ApiClient]:
    """API clients in these areas, filtered."""
    query = select(ApiClient).where(within(ApiClient.area, areas))  # type: ignore[arg-type]
    if organization_id is not None:
        query = query.where(ApiClient.organization_id == organization_id)  # type: ignore[arg-type]
    if state is not None:
        query = query.where(ApiClient.state == state)  # type: ignore[arg-type]
    return query


async def organization_area(db: AsyncSession, organization_id: UUID) -> tuple[bool, str | None]:
    """Whether the organization is known here, and its area if it has one."""
    found = await db.execute(
        text("SELECT area FROM organization_copies WHERE key = :id AND payload IS NOT NULL"), {"id": organization_id}
    )
    row = found.one_or_none()
    return row is not None, None if row is None else row.area
