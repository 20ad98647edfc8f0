"""A subtree in a real PostgreSQL: the same rows as in Python, found by ranges of one index."""

from collections.abc import AsyncIterator
from itertools import product

import pytest
from sqlalchemy import Column, MetaData, Table, Text, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.areas import covers, within
from shared.database import make_engine
from tests.engines import SharedEngines

PLACES = Table("places_of_a_test", MetaData(), Column("area", Text(collation="C"), index=True), prefixes=["TEMPORARY"])
AREAS = [
    f"42.01.12.{street:03}.{community:03}" + below
    for street, community, below in product(
        range(1, 20), range(1, 20), ["", ".c1", ".c1.b1", ".c12", ".c12.b2.e1", "r2"]
    )
]


@pytest.fixture
async def connection(engines: SharedEngines) -> AsyncIterator[AsyncConnection]:
    engine = make_engine(engines.postgres_admin_url, pool_size=1)
    async with engine.begin() as connection:
        await connection.run_sync(PLACES.create)
        await connection.execute(insert(PLACES), [{"area": area} for area in AREAS])
        await connection.execute(text("ANALYZE places_of_a_test"))
        yield connection
    await engine.dispose()


@pytest.mark.parametrize(
    "wanted",
    [["42.01.12.001"], ["42.01.12.001.001", "42.01.12.002.003.c1"], ["42"], ["43"], [], ["42.01.12.003.004.c12.b2.e1"]],
)
async def test_the_same_rows_as_in_python(connection: AsyncConnection, wanted: list[str]) -> None:
    found = (await connection.execute(select(PLACES.c.area).where(within(PLACES.c.area, wanted)))).scalars().all()
    assert sorted(found) == sorted(area for area in AREAS if any(covers(outer, area) for outer in wanted))


async def test_a_subtree_is_read_from_the_index(connection: AsyncConnection) -> None:
    statement = select(PLACES.c.area).where(within(PLACES.c.area, ["42.01.12.001.001", "42.01.12.002.003"]))
    sql = str(statement.compile(connection.sync_connection, compile_kwargs={"literal_binds": True}))
    plan = "\n".join((await connection.execute(text(f"EXPLAIN {sql}"))).scalars())
    assert "Seq Scan" not in plan
    assert "Index Cond: ((area >= '42.01.12.002.003.'::text) AND (area < '42.01.12.002.003/'::text))" in plan
