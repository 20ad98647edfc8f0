"""Area paths: one rule of subtree everywhere.

``42.01.12.013.001.c03.b12.e2`` is the dotted path of stable place keys from the province down to the entrance; the flat
is personal data and never in it. A key is minted once and never changed. Keys of official places start out equal to
their part of the 12-digit code (2+2+2+3+3); a place that takes over an abolished place's code gets a suffix
(``001r2``).
Compounds, buildings and entrances are ours: ``c``, ``b``, ``e`` and a number.

A path covers another only on dot boundaries: ``…001`` never covers ``…0012``. ``*`` is no path but, in a list of areas
that somebody may see, stands for all of them.
"""

from collections.abc import Iterable
from enum import StrEnum
from itertools import takewhile
from re import compile as regex
from typing import Annotated

from pydantic import StringConstraints
from sqlalchemy import ColumnElement, SQLColumnExpression, and_, false, or_, true

EVERYWHERE = "*"

_TWO, _THREE = r"\.[0-9]{2}(r[0-9]{1,2})?", r"\.[0-9]{3}(r[0-9]{1,2})?"
PATTERN = rf"^[0-9]{{2}}({_TWO}({_TWO}({_THREE}({_THREE}(\.c[0-9]{{1,6}}(\.b[0-9]{{1,6}}(\.e[0-9]{{1,6}})?)?)?)?)?)?)?$"

AreaPath = Annotated[str, StringConstraints(pattern=PATTERN, max_length=64)]
"""An area path in a request or an answer."""

_EXAMPLE = "42.01.12.013.001.c03.b12.e2"
_path = regex(PATTERN)


class Level(StrEnum):
    """What kind of place a path names; the order is that of the segments."""

    PROVINCE = "province"
    CITY = "city"
    DISTRICT = "district"
    STREET = "street"
    COMMUNITY = "community"
    COMPOUND = "compound"
    BUILDING = "building"
    ENTRANCE = "entrance"


LEVELS = tuple(Level)


class BadArea(ValueError):
    """A text that is no area path, or areas that have no place in common; the message is ``Chinese|English``."""

    code = "bad_area"


def check_area(area: str) -> str:
    """The same path. Raises BadArea when it is none."""
    if not _path.fullmatch(area) or area.endswith("\n"):
        raise BadArea(f"区域路径格式如 {_EXAMPLE}|An area is a dotted path of place keys, such as {_EXAMPLE}")
    return area


def level(area: str) -> Level:
    """The level of the place that the path names."""
    return LEVELS[area.count(".")]


def parent(area: str) -> str | None:
    """The path one level up; None for a province."""
    return area.rpartition(".")[0] or None


def up_to(area: str, wanted: Level) -> str | None:
    """The ancestor (or the path itself) at that level; None if the path ends above it."""
    keys = area.split(".")
    depth = LEVELS.index(wanted) + 1
    return ".".join(keys[:depth]) if depth <= len(keys) else None


def covers(outer: str, inner: str) -> bool:
    """Whether ``inner`` is ``outer`` or lies below it."""
    return inner == outer or inner.startswith(outer + ".")


def smallest_common(areas: Iterable[str]) -> str:
    """The smallest place that covers all of them. Raises BadArea for none, or for places of two provinces."""
    columns = zip(*(area.split(".") for area in areas), strict=False)
    common = ".".join(keys[0] for keys in takewhile(lambda keys: len(set(keys)) == 1, columns))
    if not common:
        raise BadArea("这些区域没有共同的上级|These areas have no place in common")
    return common


def outermost(areas: Iterable[str]) -> list[str]:
    """The same places without those that another one covers; sorted."""
    kept: list[str] = []
    for area in sorted(set(areas)):
        if not any(covers(outer, area) for outer in kept):
            kept.append(area)
    return kept


def within(column: SQLColumnExpression[str], areas: Iterable[str]) -> ColumnElement[bool]:
    """SQL: the row's area is one of ``areas`` or below one. No areas: no rows. ``*`` among them: every row.

    ``column`` must be ``text COLLATE "C"``: in byte order ``/`` follows ``.``, so a subtree is one range of its index.
    """
    wanted = set(areas)
    if EVERYWHERE in wanted:
        return true()
    return or_(
        false(),
        *(or_(column == area, and_(column >= area + ".", column < area + "/")) for area in outermost(wanted)),
    )
