"""Hashes of copies, and the columns that PostgreSQL derives."""

from collections.abc import AsyncIterator
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.bus.copies import Derived, create_copy_table, hash_of, owner_hash
from shared.contracts.base import Contract
from tests.unit.shared.bus.things import ThingV1

ROWS = st.lists(
    st.tuples(
        st.uuids(), st.integers(1, 99), st.fixed_dictionaries({"b": st.integers(-(2**53), 2**53), "a": st.text()})
    )
)


@given(ROWS, st.randoms())
def test_the_order_of_rows_and_of_fields_does_not_matter(
    rows: list[tuple[UUID, int, dict[str, object]]], random: Random
) -> None:
    mixed = [(key, seq, dict(reversed(payload.items()))) for key, seq, payload in rows]
    random.shuffle(mixed)
    assert hash_of(mixed) == hash_of(rows)


def test_every_part_of_a_row_counts() -> None:
    first, second = UUID(int=1), UUID(int=2)
    rows = [(first, 1, {"a": 1}), (second, 1, {"a": 1}), (first, 2, {"a": 1}), (first, 1, {"a": 2})]
    assert len({hash_of([row]) for row in rows}) == 4
    assert hash_of(rows[:1]) != hash_of(rows[:1] * 2)


async def test_the_owners_hash_is_that_of_its_states() -> None:
    states = [ThingV1(id=UUID(int=n), version=n, area=None, value=n) for n in (1, 2)]

    async def all_states() -> AsyncIterator[Contract]:
        for state in states:
            yield state

    rows = [
        (s.id, s.version, {"id": str(s.id), "version": s.version, "area": None, "value": s.value, "at": None})
        for s in states
    ]
    assert await owner_hash(all_states()) == hash_of(rows)


def test_derived_columns_come_from_the_payload() -> None:
    given: list[str] = []
    op = type("Op", (), {"execute": lambda _, statement: given.append(statement)})()
    derived: dict[str, Derived] = {
        "area": "text",
        "store_id": "uuid",
        "lines": "jsonb",
        "mine": ("text", "payload->'a'->>'b'"),
    }
    create_copy_table(op, "thing_copies", generated=derived)
    (statement,) = given
    assert """area text COLLATE "C" GENERATED ALWAYS AS (payload->>'area') STORED""" in statement
    assert "store_id uuid GENERATED ALWAYS AS ((payload->>'store_id')::uuid) STORED" in statement
    assert "lines jsonb GENERATED ALWAYS AS (payload->'lines') STORED" in statement
    assert "mine text COLLATE \"C\" GENERATED ALWAYS AS (payload->'a'->>'b') STORED" in statement
