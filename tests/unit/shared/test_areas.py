"""Area paths: subtree on dot boundaries, in Python and in SQL alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Column, Text
from sqlalchemy.dialects import postgresql

from shared.areas import (
    LEVELS,
    AreaPath,
    BadArea,
    Level,
    check_area,
    covers,
    level,
    outermost,
    parent,
    smallest_common,
    up_to,
    within,
)

ENTRANCE = "42.01.12.013.001.c03.b12.e2"
COMMUNITY = "42.01.12.013.001"

_few = st.integers(1, 12)


@st.composite
def paths(draw: st.DrawFn) -> str:
    """Paths over few keys, so that one often covers another."""
    keys = ["42", "01", f"{draw(_few):02}", f"{draw(_few):03}", f"{draw(_few):03}"]
    keys += [f"{letter}{draw(_few)}" for letter in "cbe"]
    return ".".join(keys[: draw(st.integers(1, 8))])


@given(paths())
def test_every_path_is_valid_and_knows_its_level(area: str) -> None:
    assert check_area(area) == area
    assert level(area) == LEVELS[len(area.split(".")) - 1]
    assert up_to(area, level(area)) == area
    assert TypeAdapter(AreaPath).validate_python(area) == area


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "*",
        "42.",
        ".42",
        "4",
        "42.1",
        "42.01.12.13",
        f"{COMMUNITY}.b12",
        f"{ENTRANCE}.301",
        f"{COMMUNITY}.c",
        "42/01",
        f"{ENTRANCE}\n",
        "４２.01",
        f"{COMMUNITY}.C03",
        f"{COMMUNITY}..c03",
        f"{COMMUNITY}%",
    ],
)
def test_bad_paths_are_refused(bad: str) -> None:
    with pytest.raises(BadArea) as caught:
        check_area(bad)
    assert caught.value.code == "bad_area"
    with pytest.raises(ValidationError):
        TypeAdapter(AreaPath).validate_python(bad)


def test_a_reused_code_has_a_key_of_its_own() -> None:
    assert check_area("42.01.12.013.001r2") == "42.01.12.013.001r2"
    assert not covers(COMMUNITY, "42.01.12.013.001r2")


def test_covers_on_dot_boundaries_only() -> None:
    assert covers(COMMUNITY, COMMUNITY)
    assert covers(COMMUNITY, ENTRANCE)
    assert not covers(ENTRANCE, COMMUNITY)
    assert not covers(COMMUNITY, "42.01.12.013.0012")
    assert not covers(f"{COMMUNITY}.c1", f"{COMMUNITY}.c12.b1")


@given(paths(), paths(), paths())
def test_covers_is_a_partial_order(a: str, b: str, c: str) -> None:
    assert covers(a, a)
    assert not (covers(a, b) and covers(b, a)) or a == b
    assert not (covers(a, b) and covers(b, c)) or covers(a, c)


@given(paths())
def test_parents_end_at_the_province(area: str) -> None:
    above = parent(area)
    if above is None:
        assert level(area) is Level.PROVINCE
    else:
        assert covers(above, area)
        assert above != area


def test_up_to_a_level() -> None:
    assert up_to(ENTRANCE, Level.COMMUNITY) == COMMUNITY
    assert up_to(COMMUNITY, Level.BUILDING) is None


@given(st.lists(paths(), min_size=1, max_size=5))
def test_smallest_common_covers_all_and_nothing_smaller_does(areas: list[str]) -> None:
    common = smallest_common(areas)
    assert all(covers(common, area) for area in areas)
    smaller = [up_to(areas[0], one) for one in LEVELS[LEVELS.index(level(common)) + 1 :]]
    assert not any(below and all(covers(below, area) for area in areas) for below in smaller)


@pytest.mark.parametrize("areas", [[], ["42.01", "43.01"]])
def test_no_place_in_common(areas: list[str]) -> None:
    with pytest.raises(BadArea):
        smallest_common(areas)


@given(st.lists(paths(), max_size=6), paths())
def test_outermost_covers_the_same(areas: list[str], probe: str) -> None:
    kept = outermost(areas)
    assert any(covers(a, probe) for a in areas) == any(covers(a, probe) for a in kept)
    assert not any(covers(a, b) for a in kept for b in kept if a != b)


@given(paths(), paths())
def test_byte_range_means_the_same_as_covers(outer: str, inner: str) -> None:
    low, high, probe = (outer + ".").encode(), (outer + "/").encode(), inner.encode()
    assert (inner == outer or low <= probe < high) == covers(outer, inner)


def _sql(areas: list[str]) -> str:
    column: Column[str] = Column("area", Text(collation="C"))
    compiled = within(column, areas).compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[no-untyped-call]
    return str(compiled)


def test_within_is_an_index_range() -> None:
    assert _sql([ENTRANCE, COMMUNITY]) == (f"area = '{COMMUNITY}' OR area >= '{COMMUNITY}.' AND area < '{COMMUNITY}/'")
    assert _sql(["42.01", "42.02"]).count("area =") == 2


def test_within_nothing_and_everything() -> None:
    assert _sql([]) == "false"
    assert _sql(["*", COMMUNITY]) == "true"
