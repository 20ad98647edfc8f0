"""One engine per process, one transaction per request, message batch or timer.

Whoever opened the transaction commits; use cases never do. The row-level security of PostgreSQL reads settings that
 are local to the transaction: ``linli.areas`` (comma-separated area paths, or ``*`` for services), ``linli.person``
and ``linli.organizations`` (comma-separated ids).
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Protocol, TypeVar, cast
from uuid import UUID

from sqlalchemy import Table, select, text
from sqlalchemy import Text as SqlText
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlmodel import SQLModel

from shared.clock import now
from shared.ids import made_at
from shared.problems import NotFound, NotYetKnown, invalid

Row = TypeVar("Row", bound=SQLModel)

AreaText = SqlText(collation="C")
"""Column type of an area path: byte order, so that a subtree is an index range."""


class Visible(Protocol):
    """Who asks, as far as row-level security must know."""

    @property
    def id(self) -> UUID: ...

    @property
    def visible_areas(self) -> Sequence[str]: ...

    @property
    def organization_ids(self) -> Sequence[UUID]: ...


def make_engine(url: str, *, pool_size: int = 12, **options: Any) -> AsyncEngine:
    """An engine for a ``postgresql://`` URL; waits at most 5 s for a connection of the pool."""
    return create_async_engine(
        url.replace("postgresql://", "postgresql+asyncpg://", 1),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=False,
        hide_parameters=True,  # an error's text goes to the log (promise PD2)
        connect_args={"timeout": 5, "command_timeout": 30, "server_settings": {"timezone": "UTC"}},
        **options,
    )


_OPENING = text(
    "SELECT now(), set_config('linli.areas', :areas, true), set_config('linli.person', :person, true),"
    " set_config('linli.organizations', :organizations, true)"
)


def transaction_time(db: AsyncSession) -> datetime:
    """PostgreSQL's ``now()`` of the open transaction: the one clock for business deadlines."""
    found = db.info["now"]
    assert isinstance(found, datetime)
    return found


class Database:
    """The engine of one role and the transactions on it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self, who: Visible | None = None) -> AsyncIterator[AsyncSession]:
        """Commits when the block ends, rolls back when it raises. ``who`` sets what row-level security lets be seen."""
        async with self._sessions() as session, session.begin():
            settings = {"areas": "", "person": "", "organizations": ""}
            if who is not None:
                settings["areas"] = ",".join(who.visible_areas)
                settings["person"] = str(who.id)
                settings["organizations"] = ",".join(map(str, who.organization_ids))
            session.info["now"] = (await session.execute(_OPENING, settings)).scalar_one()
            yield session

    async def close(self) -> None:
        await self.engine.dispose()


async def locked(db: AsyncSession, row: type[Row], id: UUID) -> Row:
    """The row under ``FOR UPDATE``; raises NotFound when it is not there or not visible."""
    statement = select(row).where(row.id == id).with_for_update().execution_options(populate_existing=True)  # type: ignore[attr-defined]
    found = (await db.execute(statement)).scalar_one_or_none()
    if found is None:
        raise NotFound()
    return found


async def fetched(db: AsyncSession, row: type[Row], id: UUID) -> Row:
    """The row without a lock; raises NotFound when it is not there or not visible."""
    found = await db.get(row, id)
    if found is None:
        raise NotFound()
    return found


def unknown_reference(id: UUID, pointer: str) -> Exception:
    """What to raise for an id of which no copy is here: 409 until it is a minute old, then 422 at the field."""
    try:
        age = (now() - made_at(id)).total_seconds()
    except ValueError:
        age = float("inf")
    if age < 60:
        return NotYetKnown()
    return invalid(pointer, "unknown", "没有找到所引用的对象。", "What this refers to is not known; check the id.")


async def insert_rows(
    db: AsyncSession, row: type[SQLModel], values: Sequence[dict[str, Any]], chunk: int = 1000
) -> None:
    """Many rows, all with the same columns, by one prepared statement; what is pending in the session goes first.

    One statement with a thousand rows of VALUES costs many times as much: SQLAlchemy compiles every parameter.
    """
    await db.flush()
    statement = insert(cast(Table, getattr(row, "__table__")))  # noqa: B009 - mypy does not know a mapped class by its type
    for start in range(0, len(values), chunk):
        await db.execute(statement, list(values[start : start + chunk]))
