"""Changqing Garden, generated: the official list ends at the community; compounds, buildings and homes are not public.

Figures (published or averages, see the README): about 52,000 households in 7 communities, a compound of about 670
households, 2.3 persons a household, buildings of 7 to 33 floors with 2 to 4 flats a floor at each entrance. The seed is
fixed: the same place comes out every time.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

SEED = 20200211
STREET_CODE = "420112013000"
STREET_AREA = "42.01.12.013"
COMMUNITIES = 7
COMPOUND_HOUSEHOLDS = 670
SIZES = ((1, 25), (2, 37), (3, 25), (4, 9), (5, 4))
"""(persons, weight): 2.3 persons a household on average."""
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高"
GIVEN = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂香国华"


@dataclass(frozen=True)
class Home:
    """One household's line in the street's own books. ``line`` is its row number there."""

    line: int
    community: int
    compound: int
    building: int
    entrance: int
    floor: int
    unit: str
    size: int
    name: str
    phone: str
    flags: tuple[str, ...]
    by_phone: bool

    @property
    def area(self) -> str:
        return f"{STREET_AREA}.{self.community:03d}.c{self.compound:02}.b{self.building:02}.e{self.entrance}"


def homes(total: int, by_phone_share: float = 0.2) -> list[Home]:
    """``total`` households over the seven communities; a share of them are elders whom somebody orders for by phone."""
    rng = random.Random(SEED)
    made: list[Home] = []
    for community in range(1, COMMUNITIES + 1):
        wanted = total * community // COMMUNITIES - total * (community - 1) // COMMUNITIES
        for place in _doors(rng, wanted):
            made.append(_home(rng, len(made) + 1, community, place, by_phone_share))
    return made


def _doors(rng: random.Random, wanted: int) -> Iterator[tuple[int, int, int, int, str]]:
    """(compound, building, entrance, floor, unit) until ``wanted`` doors are there."""
    count = compound = building = 0
    compound_size = min(COMPOUND_HOUSEHOLDS, max(60, wanted // 2))
    while count < wanted:
        if count >= compound * compound_size:
            compound, building = compound + 1, 0
        building += 1
        floors, flats = rng.choice((7, 11, 18, 26, 33)), rng.randint(2, 4)
        for entrance in range(1, rng.randint(1, 3) + 1):
            for floor in range(1, floors + 1):
                for flat in range(1, flats + 1):
                    if count == wanted:
                        return
                    count += 1
                    yield compound, building, entrance, floor, f"{floor}{flat:02d}"


def _home(
    rng: random.Random, line: int, community: int, place: tuple[int, int, int, int, str], by_phone_share: float
) -> Home:
    compound, building, entrance, floor, unit = place
    size = rng.choices([s for s, _ in SIZES], [w for _, w in SIZES])[0]
    by_phone = rng.random() < by_phone_share
    flags = []
    if by_phone:
        flags.append("elderly_alone" if size == 1 else "chronic_disease")
    elif rng.random() < 0.06:
        flags.append("infant")
    elif rng.random() < 0.03:
        flags.append("disabled")
    name = rng.choice(SURNAMES) + "".join(rng.sample(GIVEN, 2))
    return Home(
        line,
        community,
        compound,
        building,
        entrance,
        floor,
        unit,
        size,
        name,
        f"+861990{line:07d}",
        tuple(flags),
        by_phone,
    )
