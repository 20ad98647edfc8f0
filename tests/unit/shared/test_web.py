"""Answers have one form of time."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.web import Public, language_of


class Inner(Public):
    at: datetime | None
    times: list[datetime]


class Outer(Public):
    inner: Inner
    by_name: dict[str, datetime]


def test_instants_are_written_in_utc_with_milliseconds_wherever_they_stand() -> None:
    moment = datetime(2020, 2, 17, 18, 0, 0, 123456, timezone(timedelta(hours=8)))
    shown = Outer(inner=Inner(at=None, times=[moment]), by_name={"a": moment}).model_dump(mode="json")
    assert shown == {
        "inner": {"at": None, "times": ["2020-02-17T10:00:00.123Z"]},
        "by_name": {"a": "2020-02-17T10:00:00.123Z"},
    }


def test_the_schema_still_says_date_time() -> None:
    schema = Inner.model_json_schema(mode="serialization")
    assert schema["properties"]["times"]["items"] == {"type": "string", "format": "date-time"}


def test_a_time_without_offset_is_a_defect_not_an_answer() -> None:
    naive = datetime(2020, 2, 17, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(ValueError, match="offset"):
        Inner(at=naive, times=[]).model_dump_json()


@pytest.mark.parametrize(
    ("accept", "language"),
    [(None, "zh"), ("", "zh"), ("en", "en"), ("en-GB,zh;q=0.8", "en"), ("zh-CN,en;q=0.9", "zh"), ("fr", "zh")],
)
def test_the_language_is_chinese_unless_english_is_preferred(accept: str | None, language: str) -> None:
    assert language_of(accept) == language
