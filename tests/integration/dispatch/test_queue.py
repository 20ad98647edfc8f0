"""Fifty thousand sign-ups in four days (rules.md §4): the queue stays a walk over an index (feature D1)."""

import json
import os
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text, tuple_
from sqlalchemy.dialects import postgresql
from sqlmodel import col

from services.dispatch.vetting import queries
from services.dispatch.vetting.tables import SignUp
from shared.auth import Principal
from shared.clock import now
from tests.integration.dispatch.street import answered, official, published
from tests.integration.service import Running

SIGN_UPS = 50_000
BLOCKS = 150
"""Blocks of 8 KiB that a page of the queue may touch; reading all sign-ups takes many times that."""

FILL = """
INSERT INTO sign_ups (id, version, area, home_area, recruitment_call_id, person_id, state, reason, name_sealed,
  phone_sealed, id_number_sealed, id_number_key, skills, availability, carrying_capacity_kg, health_declared_on,
  created_at, decided_by)
SELECT gen_random_uuid(), 1, c.area, c.areas[1], c.id, gen_random_uuid(), s.state, k.reason, sealed, sealed, sealed,
  sealed, '{sorting}', '[]', 20, current_date, now() - n * interval '1 second', gen_random_uuid()
FROM generate_series(1, :count) AS n
JOIN recruitment_calls c ON c.id = (CAST(:calls AS uuid[]))[1 + n % 10]
JOIN LATERAL (SELECT (ARRAY['signed_up', 'signed_up', 'approved', 'approved', 'refused'])[1 + n % 97 % 5]) AS s (state)
  ON true
JOIN LATERAL (SELECT CASE s.state WHEN 'refused' THEN 'other' END,
  CASE WHEN s.state <> 'refused' THEN decode(repeat('00', 45), 'hex') END) AS k (reason, sealed) ON true
"""
FRESH = """
INSERT INTO sign_ups (id, version, area, home_area, recruitment_call_id, person_id, state, name_sealed, phone_sealed,
  id_number_sealed, id_number_key, skills, availability, carrying_capacity_kg, health_declared_on, created_at)
SELECT gen_random_uuid(), 1, area, areas[1], id, gen_random_uuid(), 'signed_up', 'x', 'x', 'x', sha256(n::text::bytea),
  '{}', '[]', 20, current_date, now() FROM recruitment_calls, generate_series(1, 500) AS n WHERE id = :call RETURNING id
"""


async def fill(dispatch: Running, calls: list[UUID]) -> None:
    async with dispatch.worker.transaction() as db:
        await db.execute(text(FILL), {"count": SIGN_UPS, "calls": calls})
    owner = await asyncpg.connect(os.environ["LINLI_DISPATCH_OWNER_URL"])
    await owner.execute("ANALYZE sign_ups")  # as autovacuum does, once that many have come
    await owner.close()


async def blocks(dispatch: Running, who: Principal, calls: list[UUID], *after: Any) -> int:
    """Blocks that a page of the queue touches, as the API's role, behind row-level security."""
    keys = col(SignUp.created_at), col(SignUp.id)
    query = queries.listing(who, calls, ["signed_up"], [], [], [], None, None)
    if after:
        query = query.where(tuple_(*keys) > tuple_(*after))
    ordered = query.order_by(*keys).limit(51)
    compiled = ordered.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
    async with dispatch.resources.db.transaction(who) as db:
        explained: Any = (await db.execute(text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT json) {compiled}"))).scalar_one()
    plan = (json.loads(explained) if isinstance(explained, str) else explained)[0]["Plan"]
    assert plan["Actual Rows"] == 51
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


@pytest.mark.feature("D1")
async def test_the_queue_of_fifty_thousand_is_read_by_index(dispatch: Running) -> None:
    streets = [f"42.01.12.{number:03}" for number in (13, 14)]
    calls = [
        UUID((await published(dispatch, official(street), areas=[street]))["id"])
        for street in streets
        for _ in range(5)
    ]
    await fill(dispatch, calls)
    who = official(streets[0])
    assert await blocks(dispatch, who, calls[:1]) < BLOCKS
    assert await blocks(dispatch, who, []) < BLOCKS
    deep = now() - timedelta(seconds=SIGN_UPS // 2), UUID(int=0)
    assert await blocks(dispatch, who, calls[:1], *deep) < BLOCKS
    assert await blocks(dispatch, who, [], *deep) < BLOCKS
    everything = "SELECT relpages FROM pg_class WHERE oid = 'sign_ups'::regclass"
    async with dispatch.worker.transaction() as db:
        assert (await db.execute(text(everything))).scalar_one() > 10 * BLOCKS, "else this shows nothing"


@pytest.mark.feature("D1")
async def test_five_hundred_are_approved_in_one_request(dispatch: Running) -> None:
    call = await published(dispatch, wanted=1000)
    async with dispatch.worker.transaction() as db:
        rows = await db.execute(text(FRESH), {"call": call["id"]})
        ids = [str(id) for id in rows.scalars()]
    body = {"rows": [{"row_id": str(n), "sign_up_id": id} for n, id in enumerate(ids)]}
    client = dispatch.client(official(), {"Linli-Timeout-Ms": "15000"})
    began = time.perf_counter()
    result = answered(await client.post("/v1/sign-ups/batch-approve", json=body), 200)["rows"]
    print(f"500 approvals in {time.perf_counter() - began:.2f} s")
    assert {row["outcome"] for row in result} == {"updated"}
    async with dispatch.worker.transaction() as db:
        told = text(
            "SELECT type, count(*), count(DISTINCT key) FROM outbox"
            " WHERE type IN ('sign_up.approved', 'volunteer.created') GROUP BY type ORDER BY type"
        )
        assert [tuple(row) for row in await db.execute(told)] == [
            ("sign_up.approved", 500, 500),
            ("volunteer.created", 500, 500),
        ]
