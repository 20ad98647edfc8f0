"""The time of day, and its two written forms.

Instants are aware datetimes in UTC; on the wire RFC 3339 with milliseconds and ``Z``. The business day is China's.
Business deadlines are judged by PostgreSQL's ``now()``, never by this clock.
"""

from datetime import UTC, date, datetime, time, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China has kept UTC+8 without summer time since 1992; a fixed offset needs no time zone database."""


class NaiveTime(ValueError):
    """A time without an offset: nobody can say which instant it means. The message is ``Chinese|English``."""

    code = "offset_missing"


def now() -> datetime:
    """This instant, aware, in UTC."""
    return datetime.now(UTC)


def to_wire(moment: datetime) -> str:
    """``2020-02-17T10:00:00.000Z``; what is finer than a millisecond is cut off. Raises NaiveTime."""
    return _aware(moment).astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def from_wire(text: str) -> datetime:
    """The instant in UTC of an RFC 3339 text with an offset. Raises NaiveTime, or ValueError if it is no time."""
    return _aware(datetime.fromisoformat(text)).astimezone(UTC)


def shanghai_date(moment: datetime) -> date:
    """The calendar day in China at that instant. Raises NaiveTime."""
    return _aware(moment).astimezone(SHANGHAI).date()


def shanghai_day(day: date) -> tuple[datetime, datetime]:
    """The first instant of that day in China and the first of the next, both in UTC: ``start <= x < end``."""
    start = datetime.combine(day, time(), SHANGHAI).astimezone(UTC)
    return start, start + timedelta(days=1)


def _aware(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise NaiveTime("时间须带时区|The time needs an offset, such as +08:00")
    return moment
