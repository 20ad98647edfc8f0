"""An emergency has areas, a legal basis, a beginning and an end; what is collected under it is destroyed with it
(Emergency Response Law, article 85)."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from shared.areas import covers, outermost, smallest_common
from shared.machine import Machine

EMERGENCY = Machine("emergency", {"active": {"close": "closed"}, "closed": {}})


class InAreas(Protocol):
    @property
    def areas(self) -> list[str]: ...
    @property
    def from_at(self) -> datetime: ...


Found = TypeVar("Found", bound=InAreas)


def over(emergencies: Iterable[Found], area: str) -> Found | None:
    """Of those that cover the area, the one that began last."""
    covering = [one for one in emergencies if any(covers(outer, area) for outer in one.areas)]
    return max(covering, key=lambda one: one.from_at, default=None)


def extended(areas: Sequence[str], by: Iterable[str]) -> tuple[str, list[str]]:
    """The smallest area that covers all, and the outermost areas, after ``by`` joined."""
    joined = outermost([*areas, *by])
    return smallest_common(joined), joined
