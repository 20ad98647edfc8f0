"""A notice is received once, then applied (perhaps by several streets, each in its own areas) or dismissed."""

from collections.abc import Iterable, Sequence

from shared.areas import EVERYWHERE, covers, outermost
from shared.machine import Machine

NOTICE = Machine(
    "notice",
    {
        "received": {"apply": "applied", "dismiss": "dismissed"},
        "applied": {"apply": "applied"},
        "dismissed": {},
    },
)


def within_reach(areas: Iterable[str], reach: Sequence[str]) -> list[str]:
    """The parts of ``areas`` that lie in the caller's reach: a city's notice, applied by a street, is the street."""
    if EVERYWHERE in reach:
        return outermost(areas)
    parts = [area for area in areas if any(covers(mine, area) for mine in reach)]
    parts += [mine for mine in reach if any(covers(area, mine) for area in areas)]
    return outermost(parts)


def outside(wanted: Iterable[str], areas: Sequence[str]) -> list[str]:
    """Those of ``wanted`` that the notice does not speak of."""
    return [one for one in wanted if not any(covers(area, one) for area in areas)]
