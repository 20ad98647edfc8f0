"""One limit over all workers (promise GW5)."""

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from services.gateway.limits import Limiter, Policy
from services.gateway.settings import GatewaySettings
from shared.database import make_engine
from shared.ids import new_id
from shared.problems import RateLimited, Unavailable
from tests.engines import SharedEngines
from tests.integration.service import provisioned

LONG = 86_400 * 365
"""A window whose end no test meets."""


@pytest.fixture(scope="module")
def environment(engines: SharedEngines) -> Iterator[None]:
    with provisioned("gateway", engines):
        yield


def api_url() -> str:
    return GatewaySettings().api_url.get_secret_value()


@pytest.mark.feature("G7")
@pytest.mark.promise("GW5")
async def test_four_workers_together_keep_one_limit(environment: None) -> None:
    policy, caller, quota = Policy("user", 1000, LONG), str(new_id()), 1000
    engines = [make_engine(api_url(), pool_size=2) for _ in range(4)]
    workers = [Limiter(engine) for engine in engines]

    async def offer(worker: Limiter) -> int:
        return sum([(await worker.take(policy, caller)).allowed for _ in range(quota // 2)])

    admitted = sum(await asyncio.gather(*(offer(worker) for worker in workers)))
    for engine in engines:
        await engine.dispose()
    assert quota * 0.98 <= admitted <= quota


@pytest.mark.promise("GW5")
async def test_most_requests_cost_no_statement(environment: None) -> None:
    engine = make_engine(api_url(), pool_size=1)
    limiter, asked = Limiter(engine), 0
    ask = limiter._ask

    async def counted(*args: object) -> int | None:
        nonlocal asked
        asked += 1
        return await ask(*args)  # type: ignore[arg-type]

    limiter._ask = counted  # type: ignore[assignment]
    caller = str(new_id())
    for _ in range(300):
        await limiter.take(Policy("user", 600, LONG), caller)
    await engine.dispose()
    assert asked <= 15


async def test_without_the_table_a_worker_goes_by_its_own_count_and_codes_are_closed(environment: None) -> None:
    engine = make_engine("postgresql://nobody:nothing@127.0.0.1:9/none", pool_size=1)
    limiter, caller = Limiter(engine), str(new_id())
    policy = Policy("user", 100, LONG)
    standings = [await limiter.take(policy, caller) for _ in range(110)]
    assert [one.allowed for one in standings] == [True] * 100 + [False] * 10
    with pytest.raises(RateLimited):
        standings[-1].must()
    with pytest.raises(Unavailable):
        await limiter.take(Policy("code-phone", 5, LONG, exact=True), caller)
    await engine.dispose()


async def test_old_windows_are_removed(environment: None) -> None:
    engine = make_engine(api_url(), pool_size=1)
    limiter = Limiter(engine)
    async with engine.begin() as connection:
        await connection.execute(text("INSERT INTO rate_leases VALUES ('user old', 1, 5, now() - interval '1 second')"))
    limiter._pruned_at = float("-inf")
    await limiter.take(Policy("user", 10, LONG), str(new_id()))
    async with engine.connect() as connection:
        found = await connection.execute(text("SELECT count(*) FROM rate_leases WHERE bucket = 'user old'"))
        assert found.scalar_one() == 0
    await engine.dispose()
