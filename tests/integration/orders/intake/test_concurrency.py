"""Many callers at once: nothing is oversold, nobody waits for ever, each is answered by itself."""

import asyncio
from collections import Counter
from uuid import UUID

import asyncpg
import pytest

from services.orders.intake.batcher import QUEUE
from services.orders.service import SERVICE
from shared.ids import new_id
from tests.engines import SharedEngines
from tests.integration.orders.street import Street
from tests.integration.service import running


@pytest.mark.feature("O4")
async def test_200_clients_on_the_last_10_units(street: Street) -> None:
    round = await street.open_round(await street.purchase({"rice": 10, "pork": 1000}))
    homes = await street.homes(200)
    answers = await asyncio.gather(
        *(street.as_(h.resident).post("/v1/orders", json=street.wish(round, h, rice=1)) for h in homes)
    )
    outcomes = Counter((a.status_code, a.json().get("code") if a.status_code != 201 else None) for a in answers)
    assert outcomes == {(201, None): 10, (409, "out_of_stock"): 190}
    await street.books_balance(round)


@pytest.mark.feature("O4")
async def test_two_processes_on_the_last_10_units(street: Street) -> None:
    """Another process has a batcher of its own; the locks in the database hold both."""
    round = await street.open_round(await street.purchase({"rice": 10, "pork": 12}, rations={"pork": 1}))
    homes = await street.homes(100)
    async with running(SERVICE) as other:
        calls = []
        for index, home in enumerate(homes):
            client = street.as_(home.resident) if index % 2 else other.client(home.resident)
            quantities = {"pork": 1, "rice": 1} if index % 3 else {"rice": 1}
            calls.append(client.post("/v1/orders", json=street.wish(round, home, **quantities)))
        answers = await asyncio.gather(*calls)
    assert sum(a.status_code == 201 for a in answers) == 10
    assert {a.json()["code"] for a in answers if a.status_code != 201} == {"out_of_stock"}
    await street.books_balance(round)


@pytest.mark.feature("O4")
async def test_one_household_at_once_in_two_processes_keeps_its_quota(street: Street) -> None:
    round = await street.open_round(await street.purchase(rations={"rice": 3}))
    [home] = await street.homes(1)
    async with running(SERVICE) as other:
        clients = [street.as_(home.resident), other.client(home.resident)]
        answers = await asyncio.gather(
            *(clients[n % 2].post("/v1/orders", json=street.wish(round, home, rice=1)) for n in range(20))
        )
    assert sum(a.status_code == 201 for a in answers) == 3
    assert {a.json()["code"] for a in answers if a.status_code != 201} == {"quota_used"}
    await street.books_balance(round)


@pytest.mark.feature("O4")
async def test_one_group_buy_a_week_holds_across_rounds_and_processes(street: Street) -> None:
    """Two rounds have two locks, so here it is the exclusion constraint that decides."""
    await street.policy("orders.quota", {"days_between_orders": 7})
    purchase = await street.purchase()
    rounds = [await street.open_round(purchase), await street.open_round(purchase)]
    homes = await street.homes(6)
    async with running(SERVICE) as other:
        calls = []
        for home in homes:
            calls.append(street.as_(home.resident).post("/v1/orders", json=street.wish(rounds[0], home, rice=1)))
            calls.append(other.client(home.resident).post("/v1/orders", json=street.wish(rounds[1], home, rice=1)))
        answers = await asyncio.gather(*calls)
    assert Counter(a.status_code for a in answers) == {201: 6, 409: 6}
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"quota_used"}
    for round in rounds:
        await street.books_balance(round)


async def test_a_refused_order_does_not_take_its_batch_with_it(street: Street) -> None:
    round = await street.open_round(await street.purchase(rations={"rice": 2}))
    homes = await street.homes(30)
    wishes = [street.wish(round, home, rice=1 + index % 3) for index, home in enumerate(homes)]
    answers = await asyncio.gather(
        *(street.as_(h.resident).post("/v1/orders", json=wish) for h, wish in zip(homes, wishes, strict=True))
    )
    assert [a.status_code for a in answers] == [409 if index % 3 == 2 else 201 for index in range(30)]
    await street.books_balance(round)


async def test_closing_and_ordering_at_once(street: Street) -> None:
    """Whoever is answered 201 is in the closed round; nobody comes in afterwards."""
    round = await street.open_round(minimum_rule="send")
    homes = await street.homes(60)
    first = await street.order(round, homes[0], rice=1)
    calls = [street.as_(h.resident).post("/v1/orders", json=street.wish(round, h, rice=1)) for h in homes[1:]]
    calls.insert(25, street.worker().post(f"/v1/rounds/{round['id']}/close", json={}))
    answers = await asyncio.gather(*calls)
    assert answers[25].status_code == 200
    taken = {a.json()["id"] for i, a in enumerate(answers) if a.status_code == 201 and i != 25} | {first["id"]}
    refused = [a for i, a in enumerate(answers) if a.status_code != 201 and i != 25]
    assert {a.json()["code"] for a in refused} <= {"round_closed"}
    await street.orders.run_timers()
    rows = await street.rows("SELECT id, state FROM orders WHERE round_id = :id", id=UUID(round["id"]))
    assert {str(row["id"]) for row in rows} == taken
    assert {row["state"] for row in rows} == {"locked"}
    await street.books_balance(round)


async def test_a_full_queue_refuses_at_once(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.orders.intake.batcher.QUEUE", 5)
    assert QUEUE == 512
    round = await street.open_round()
    homes = await street.homes(40)
    answers = await asyncio.gather(
        *(street.as_(h.resident).post("/v1/orders", json=street.wish(round, h, rice=1)) for h in homes)
    )
    refused = [a for a in answers if a.status_code != 201]
    assert refused
    assert {(a.status_code, a.json()["code"], a.headers["retry-after"]) for a in refused} == {(503, "unavailable", "1")}
    assert await street.value("SELECT count(*) FROM orders WHERE round_id = :id", id=UUID(round["id"])) == 40 - len(
        refused
    )


async def test_a_database_that_goes_away_is_unavailable_and_comes_back(street: Street, engines: SharedEngines) -> None:
    round = await street.open_round()
    [home] = await street.homes(1)
    await street.order(round, home, rice=1)
    database = await street.value("SELECT current_database()")
    admin = await asyncpg.connect(engines.postgres_admin_url)
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'orders_intake' AND datname = $1",
        database,
    )
    await admin.close()
    client, key = street.as_(home.resident), {"Idempotency-Key": str(new_id())}
    answers = [await client.post("/v1/orders", json=street.wish(round, home, rice=1), headers=key) for _ in range(5)]
    assert answers[-1].status_code == 201
    assert {a.status_code for a in answers} <= {201, 503}
    assert len({a.json()["id"] for a in answers if a.status_code == 201}) == 1
    await street.books_balance(round)
