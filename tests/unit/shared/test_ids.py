"""Ids sort by time, never repeat, and say when they were made."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from shared.ids import NotTimeOrdered, made_at, new_id


def test_has_the_version_and_variant_of_rfc_9562() -> None:
    made = new_id()
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"


def test_vector_of_rfc_9562() -> None:
    """Appendix A.6: Tuesday, 22 February 2022, 14:22:22.00 GMT-05:00."""
    assert made_at(UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")) == datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)


def test_each_is_greater_than_the_one_before() -> None:
    made = [new_id() for _ in range(20_000)]
    assert made == sorted(set(made))


def test_never_repeats_across_threads() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: [new_id() for _ in range(2_000)], range(8)))
    assert len({one for many in made for one in many}) == 16_000


def test_keeps_growing_when_the_clock_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)
    assert new_id() > before


def test_spills_into_the_next_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.ids._generator._random", (1 << 74) - 1)
    monkeypatch.setattr("shared.ids._generator._milliseconds", 1 << 46)
    assert new_id().int >> 80 == (1 << 46) + 1


def test_says_when_it_was_made() -> None:
    before = time.time()
    assert abs(made_at(new_id()).timestamp() - before) < 5


@pytest.mark.parametrize("other", [uuid4(), UUID(int=0), UUID("ffffffff-ffff-7fff-bfff-ffffffffffff")])
def test_another_kind_of_id_has_no_time(other: UUID) -> None:
    with pytest.raises(NotTimeOrdered) as caught:
        made_at(other)
    assert caught.value.code == "not_uuid7"
