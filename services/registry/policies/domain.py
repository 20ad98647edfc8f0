"""Which policy counts: of those in force, the nearest area's; of one area, the one that began last."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol, TypeVar

from shared.areas import covers


class InTime(Protocol):
    @property
    def area(self) -> str: ...
    @property
    def valid_from(self) -> datetime: ...
    @property
    def valid_until(self) -> datetime | None: ...
    @property
    def created_at(self) -> datetime: ...


Found = TypeVar("Found", bound=InTime)


def effective(policies: Iterable[Found], area: str, at: datetime) -> Found | None:
    """The policy of one kind that counts in ``area`` at that moment."""
    candidates = [
        one
        for one in policies
        if covers(one.area, area) and one.valid_from <= at and (one.valid_until is None or at < one.valid_until)
    ]
    return max(candidates, key=lambda one: (len(one.area), one.valid_from, one.created_at), default=None)
