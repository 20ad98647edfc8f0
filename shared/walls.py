"""Acts that reach further than their caller may see."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_AREAS = text("SELECT current_setting('linli.areas', true)")
_SET = text("SELECT set_config('linli.areas', :areas, true)")


@asynccontextmanager
async def beyond_callers_areas(db: AsyncSession) -> AsyncIterator[None]:
    """Lets the rest of an act see every row, once its right has been judged.

    What follows from an act may concern rows of areas that its caller does not see. The caller's own view comes back
    when the block ends; when it raises, the transaction is over anyway.
    """
    before = (await db.execute(_AREAS)).scalar_one()
    await db.execute(_SET, {"areas": "*"})
    yield
    await db.flush()
    await db.execute(_SET, {"areas": before})
