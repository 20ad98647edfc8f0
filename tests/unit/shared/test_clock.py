"""Instants on the wire, and the day in China."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.clock import NaiveTime, from_wire, now, shanghai_date, shanghai_day, to_wire

INSTANTS = st.datetimes(timezones=st.just(UTC)).filter(lambda moment: 2 < moment.year < 9998)


def test_now_is_aware() -> None:
    assert now().utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2020, 2, 17, 10, tzinfo=UTC), "2020-02-17T10:00:00.000Z"),
        (datetime(2020, 2, 17, 18, tzinfo=timezone(timedelta(hours=8))), "2020-02-17T10:00:00.000Z"),
        (datetime(2020, 2, 17, 10, 0, 0, 999_999, tzinfo=UTC), "2020-02-17T10:00:00.999Z"),
    ],
)
def test_wire_form(moment: datetime, text: str) -> None:
    assert to_wire(moment) == text


@given(INSTANTS)
def test_wire_form_loses_less_than_a_millisecond(moment: datetime) -> None:
    assert timedelta(0) <= moment - from_wire(to_wire(moment)) < timedelta(milliseconds=1)


@given(INSTANTS)
def test_every_instant_is_inside_its_day(moment: datetime) -> None:
    start, end = shanghai_day(shanghai_date(moment))
    assert start <= moment < end
    assert start.tzinfo is UTC


def test_day_turns_at_four_in_the_afternoon_of_utc() -> None:
    assert shanghai_date(datetime(2020, 2, 16, 15, 59, 59, tzinfo=UTC)) == date(2020, 2, 16)
    assert shanghai_date(datetime(2020, 2, 16, 16, tzinfo=UTC)) == date(2020, 2, 17)


def test_a_time_without_offset_is_refused() -> None:
    for refuse in (to_wire, shanghai_date):
        with pytest.raises(NaiveTime) as caught:
            refuse(datetime(2020, 2, 17))  # noqa: DTZ001
        assert caught.value.code == "offset_missing"
    with pytest.raises(NaiveTime):
        from_wire("2020-02-17T10:00:00")
    with pytest.raises(ValueError, match="Invalid isoformat"):
        from_wire("yesterday")
