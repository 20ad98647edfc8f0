"""Doors, flags and priority of households (R4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registry.claims.codes import new_code
from services.registry.claims.domain import confirmed_how
from services.registry.households import domain
from shared.identifiers import check_code


@pytest.mark.parametrize(
    ("text", "unit"), [("1201", "1201"), ("１２０１室", "1201"), (" 12-a ", "12-A"), ("3 号", "3")]
)
def test_one_door_has_one_written_form(text: str, unit: str) -> None:
    assert domain.normal_unit(text) == unit


@pytest.mark.parametrize("text", ["", "客厅", "1201;DROP", "1-2-3", "123456789"])
def test_what_is_no_door_is_refused(text: str) -> None:
    with pytest.raises(domain.BadUnit):
        domain.normal_unit(text)


@given(st.none() | st.integers(-5, 150), st.from_regex(r"[0-9A-Z]{1,8}", fullmatch=True))
def test_a_door_reads_as_it_was_written(floor: int | None, unit: str) -> None:
    assert domain.read_door(domain.written_door(floor, unit)) == (floor, unit)


@given(st.sets(st.sampled_from(sorted(domain.FLAGS))), st.sampled_from(sorted(domain.FLAGS)))
def test_one_more_flag_never_lowers_priority(flags: set[str], more: str) -> None:
    assert 0 <= domain.priority_class(flags) <= domain.priority_class(flags | {more}) <= 3


@pytest.mark.feature("R4")
def test_flags_need_consent_or_an_emergency() -> None:
    assert domain.flags_basis(None, under_emergency=False) is None
    assert domain.flags_basis(None, under_emergency=True) == "emergency"
    assert domain.flags_basis("oral", under_emergency=True) == "consent_oral"


def test_codes_on_paper_carry_their_check_digit() -> None:
    code = new_code()
    assert len(code) == 9
    assert check_code(code) == code


def test_as_what_a_claim_is_confirmed() -> None:
    assert confirmed_how({"building_head"}) == "building_head"
    assert confirmed_how({"building_head", "community_worker"}) == "worker"
