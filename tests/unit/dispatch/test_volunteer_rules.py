"""A volunteer's number, calls and suspension (feature D2)."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatch.volunteers import domain
from services.dispatch.volunteers.tables import Volunteer
from shared.clock import now
from shared.identifiers import check_code
from shared.ids import new_id

pytestmark = pytest.mark.feature("D2")


def a_volunteer() -> Volunteer:
    return Volunteer(
        id=new_id(),
        area="42.01.12.013.001",
        serves=["42.01.12.013.001"],
        volunteer_no="1",
        name_sealed=b"",
        phone_sealed=b"",
        id_number_sealed=b"",
        id_number_key=b"",
        health_note_sealed=b"old",
        carrying_capacity_kg=20,
        health_declared_on=date(2020, 2, 23),
        created_at=now(),
    )


@given(st.sets(st.integers(1, 10**11 - 1), min_size=2, max_size=50))
def test_every_serial_gives_another_number_with_a_check_digit(serials: set[int]) -> None:
    numbers = {domain.volunteer_no(serial) for serial in serials}
    assert len(numbers) == len(serials)
    assert all(check_code(number) == number and len(number) == 12 for number in numbers)


def test_neighboring_numbers_say_nothing_of_each_other() -> None:
    first, second = domain.volunteer_no(1), domain.volunteer_no(2)
    assert sum(a != b for a, b in zip(first, second, strict=True)) >= 6


def test_joining_tells_only_what_is_new() -> None:
    volunteer, day = a_volunteer(), date(2020, 2, 23)
    assert not domain.join(volunteer, ["42.01.12.013.001.c01"], day, None)
    assert domain.join(volunteer, ["42.01.12.014"], day, b"same day")
    assert volunteer.serves == ["42.01.12.013.001", "42.01.12.014"]
    assert volunteer.health_note_sealed == b"old"
    assert domain.join(volunteer, ["42.01.12.014"], date(2020, 3, 1), None)
    assert (volunteer.health_declared_on, volunteer.health_note_sealed) == (date(2020, 3, 1), None)
    assert not domain.join(volunteer, ["42.01.12.014"], day, b"older")


def test_suspending_and_reinstating_happen_once() -> None:
    volunteer = a_volunteer()
    assert domain.suspend(volunteer, "incident", b"note", now()) == "volunteer.suspended"
    assert domain.suspend(volunteer, "conduct", None, now()) is None
    assert (volunteer.reason, volunteer.note_sealed, volunteer.version) == ("incident", b"note", 2)
    assert domain.reinstate(volunteer) == "volunteer.reinstated"
    assert domain.reinstate(volunteer) is None
    assert (volunteer.state, volunteer.reason, volunteer.suspended_at, volunteer.version) == ("active", None, None, 3)
