"""Taking a file in; the worker does the rest."""

from sqlalchemy.ext.asyncio import AsyncSession

from services.registry.places.queries import place_at
from shared.auth import Principal
from shared.jobs import Job, start_job
from shared.privacy import Vault
from shared.problems import invalid


async def start_upload(db: AsyncSession, who: Principal, kind: str, area: str, content: bytes, vault: Vault) -> Job:
    """Queues a file about one area; ``kind`` is also the verb that the caller must hold there."""
    who.must(kind, on=area)
    if await place_at(db, area) is None:
        raise invalid("/area", "unknown", "没有此地点。", "There is no such place; check the area path.")
    if not content:
        raise invalid("/file", "empty", "文件为空。", "The file is empty.")
    return await start_job(db, who, vault, kind, area, content)
