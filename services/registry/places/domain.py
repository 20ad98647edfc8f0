"""What a place is, how its key is minted, and in which state it is.

Keys are minted once and never changed. Those of official places start out equal to their part of the 12-digit code; a
place that takes over an abolished place's key gets a suffix (``001r2``). Compounds, buildings and entrances are ours.
"""

import re
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Literal, Protocol, TypeVar

from shared.areas import Level
from shared.identifiers import RegionCode

Kind = Literal[
    "city", "district", "street", "township", "management_office", "special_zone", "community", "village",
    "compound", "building", "entrance",
]  # fmt: skip
State = Literal["open", "sealed_management", "lockdown_control", "epidemic_free"]

LEVELS: dict[str, Level] = {
    "city": Level.CITY,
    "district": Level.DISTRICT,
    "street": Level.STREET,
    "township": Level.STREET,
    "management_office": Level.STREET,
    "special_zone": Level.STREET,
    "community": Level.COMMUNITY,
    "village": Level.COMMUNITY,
    "compound": Level.COMPOUND,
    "building": Level.BUILDING,
    "entrance": Level.ENTRANCE,
}
OFFICIAL = frozenset({Level.CITY, Level.DISTRICT, Level.STREET, Level.COMMUNITY})
PREFIXES = {Level.COMPOUND: "c", Level.BUILDING: "b", Level.ENTRANCE: "e"}
WIDTHS = {Level.COMPOUND: 2, Level.BUILDING: 2, Level.ENTRANCE: 1}
SUFFIXES = {"compound": "", "building": "栋", "entrance": "单元"}


def kind_of(code: RegionCode, name: str) -> Kind:
    """The kind of an official place. A street-level body is what its name says before what its number says: Changqing
    Garden's 420112013 is numbered as a street and is a community management office."""
    if code.level is Level.CITY:
        return "city"
    if code.level is Level.DISTRICT:
        return "district"
    if code.level is Level.COMMUNITY:
        return "village" if code.kind == "village" else "community"
    if re.search(r"管理委员会|管委会|管理处|[^街道]办事处$", name):
        return "management_office"
    if code.kind in ("town", "township"):
        return "township"
    return "special_zone" if code.kind == "enterprise" and "街道" not in name else "street"


def key_of(level: Level, number: int) -> str:
    """``c03``, ``b12``, ``e2``."""
    return f"{PREFIXES[level]}{number:0{WIDTHS[level]}}"


def number_in(name: str) -> int | None:
    """The number by which people call a building or entrance: ``8栋``, ``3号楼``, ``2单元``; None for a name."""
    found = re.fullmatch(r"第?([0-9]{1,6})(号|栋|幢|座|号楼|单元|门|小区)*", name)
    return int(found[1]) if found and int(found[1]) else None


def free_number(taken: Collection[int], wanted: int | None) -> int:
    """The wanted number where it is free, else the one after the highest."""
    if wanted is not None and wanted not in taken:
        return wanted
    return max(taken, default=0) + 1


def successor(area: str, taken: Collection[str]) -> str:
    """The path of a place that takes over ``area``'s code: the same, or with the first free suffix ``r2``, ``r3``, …"""
    if area not in taken:
        return area
    return next(path for n in range(2, 100) if (path := f"{area}r{n}") not in taken)


class Effective(Protocol):
    """A state that was declared for a place, for a time."""

    @property
    def from_at(self) -> datetime: ...
    @property
    def until_at(self) -> datetime | None: ...
    @property
    def revoked_at(self) -> datetime | None: ...
    @property
    def created_at(self) -> datetime: ...


Declared = TypeVar("Declared", bound=Effective)


def in_force(states: Iterable[Declared], now: datetime) -> Declared | None:
    """The state that counts at ``now``: of those begun, not over and not revoked, the one that began last.

    So revoking "epidemic-free" puts back what held before it.
    """
    candidates = [
        one
        for one in states
        if one.from_at <= now and (one.until_at is None or now < one.until_at) and one.revoked_at is None
    ]
    return max(candidates, key=lambda one: (one.from_at, one.created_at), default=None)
