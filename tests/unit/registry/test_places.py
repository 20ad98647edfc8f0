"""Kinds, keys and states of places, without any database (R1, R2)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from services.registry.places import domain
from services.registry.places.divisions import read_list
from shared.areas import Level
from shared.identifiers import check_region_code

NOW = datetime(2020, 2, 11, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Declared:
    name: str
    from_at: datetime
    until_at: datetime | None = None
    revoked_at: datetime | None = None
    created_at: datetime = NOW


def named(found: Declared | None) -> str | None:
    return found.name if found else None


@pytest.mark.feature("R1")
def test_the_list_has_every_place_of_wuhan_with_its_parent() -> None:
    divisions = read_list()
    codes = {one.code.code for one in divisions}
    assert len(divisions) == len(codes) == 3702
    assert all(one.code.level is Level.CITY or one.code.parent.code in codes for one in divisions if one.code.parent)


@pytest.mark.feature("R1")
@pytest.mark.parametrize(
    ("code", "name", "kind"),
    [
        ("420112013000", "常青花园新区管理委员会街道", "management_office"),
        ("420112001000", "吴家山街", "street"),
        ("420112002000", "东山办事处街道", "street"),
        ("420117102000", "凤凰镇", "township"),
        ("420105205000", "天兴乡", "township"),
        ("420107400000", "武钢集团", "special_zone"),
        ("420112405000", "农科所管理处", "management_office"),
        ("420106490000", "东湖风景区街道（武昌）", "street"),
        ("420112013001", "第一社区居委会", "community"),
        ("420115001200", "某村委会", "village"),
        ("420112000000", "东西湖区", "district"),
        ("420100000000", "武汉市", "city"),
    ],
)
def test_the_kind_says_what_the_place_is(code: str, name: str, kind: str) -> None:
    assert domain.kind_of(check_region_code(code), name) == kind


def test_keys_are_short_and_sort() -> None:
    keys = [domain.key_of(level, 3) for level in (Level.COMPOUND, Level.BUILDING, Level.ENTRANCE)]
    assert keys == ["c03", "b03", "e3"]


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("8栋", 8),
        ("3号楼", 3),
        ("2单元", 2),
        ("12", 12),
        ("5号小区", 5),
        ("桂花苑", None),
        ("0栋", None),
        ("A栋", None),
    ],
)
def test_the_number_by_which_people_call_a_place(name: str, number: int | None) -> None:
    assert domain.number_in(name) == number


def test_a_wanted_number_is_given_where_it_is_free_and_never_twice() -> None:
    assert domain.free_number({1, 2}, 8) == 8
    assert domain.free_number({1, 8}, 8) == 9
    assert domain.free_number(set(), None) == 1


def test_a_place_that_takes_over_a_code_gets_another_key() -> None:
    assert domain.successor("42.01.12.013.001", set()) == "42.01.12.013.001"
    taken = {"42.01.12.013.001", "42.01.12.013.001r2"}
    assert domain.successor("42.01.12.013.001", taken) == "42.01.12.013.001r3"


@pytest.mark.feature("R2")
def test_the_state_that_began_last_counts() -> None:
    states = [Declared("sealed", NOW - 2 * HOUR), Declared("free", NOW - HOUR), Declared("later", NOW + HOUR)]
    assert named(domain.in_force(states, NOW)) == "free"


@pytest.mark.feature("R2")
def test_revoking_epidemic_free_puts_back_what_held_before() -> None:
    states = [Declared("sealed", NOW - 2 * HOUR), Declared("free", NOW - HOUR, revoked_at=NOW)]
    assert named(domain.in_force(states, NOW)) == "sealed"


@pytest.mark.feature("R2")
def test_a_state_ends_with_its_time() -> None:
    state = Declared("lockdown", NOW - HOUR, until_at=NOW)
    assert named(domain.in_force([state], NOW - timedelta(seconds=1))) == "lockdown"
    assert domain.in_force([state], NOW) is None
