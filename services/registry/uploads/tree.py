"""The places of an upload's area in memory: what is there, and what the file adds. Keys are minted here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.registry.places import domain
from services.registry.places.tables import Place, PlaceCode
from shared.areas import LEVELS, Level, covers, level, within
from shared.ids import new_id

BELOW = {Level.COMMUNITY: "compound", Level.COMPOUND: "building", Level.BUILDING: "entrance"}


class RowRefused(ValueError):
    """A cell that is not right: ``column``, a stable ``code``, and ``Chinese|English``."""

    def __init__(self, column: str, code: str, zh: str, en: str) -> None:
        self.column, self.code, self.texts = column, code, (zh, en)
        super().__init__(code)


@dataclass
class Node:
    """A place that exists (``new`` False) or is to be added."""

    id: UUID
    area: str
    kind: str
    name: str
    parent_id: UUID | None
    number: int | None = None
    new: bool = False
    by_name: dict[str, "Node"] = field(default_factory=dict)
    by_number: dict[int, "Node"] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)


class Tree:
    """Places within one area, by path and by official code."""

    def __init__(self, area: str, places: Sequence[Place], codes: dict[str, tuple[UUID, date | None]]) -> None:
        self._area = area
        self._codes = codes
        self._nodes: dict[str, Node] = {}
        self._paths: dict[UUID, str] = {}
        for place in sorted(places, key=lambda one: one.area.count(".")):
            self._paths[place.id] = place.area
            node = Node(place.id, place.area, place.kind, place.name, place.parent_id, place.number)
            parent = self._nodes.get(place.area.rpartition(".")[0])
            if parent is not None:
                parent.keys.add(place.area)
            if place.abolished_on is None:
                self._add(node, parent)

    @classmethod
    async def load(cls, db: AsyncSession, area: str) -> "Tree":
        """All places of the area, and what every official code there names."""
        places = (await db.execute(select(Place).where(within(col(Place.area), [area])))).scalars().all()
        query = select(PlaceCode).join(Place, col(Place.id) == col(PlaceCode.place_id))
        rows = (await db.execute(query.order_by(col(PlaceCode.valid_until).nulls_last()))).scalars()
        codes: dict[str, tuple[UUID, date | None]] = {}
        for row in rows:  # the present meaning of a code comes last
            codes[row.code] = (row.place_id, row.valid_until)
        return cls(area, places, codes)

    def new(self) -> list[Node]:
        """What is to be added, upper levels first."""
        return sorted((node for node in self._nodes.values() if node.new), key=lambda node: node.area)

    def by_code(self, code: str) -> Node:
        """The place that an official code names today. Raises RowRefused."""
        found = self._codes.get(code)
        if found is None:
            raise RowRefused("community_code", "unknown_code", "区划代码不存在", "There is no such division code")
        if found[1] is not None:
            raise RowRefused("community_code", "abolished_code", "区划代码已撤销", "This division code was abolished")
        return self.at(self._paths.get(found[0], ""), "community_code")

    def at(self, area: str, column: str) -> Node:
        """The place of a path. Raises RowRefused for an unknown one, or one outside the upload's area."""
        if area not in self._nodes:
            if area and not covers(self._area, area):
                raise RowRefused(
                    column, "outside_area", "不在本次上传的区域内", "It lies outside the area of this upload"
                )
            raise RowRefused(column, "unknown", "没有此地点", "There is no such place")
        return self._nodes[area]

    def find(self, parent: Node, text: str) -> Node | None:
        """The place below ``parent`` that people mean: by its name, or by its number."""
        number = domain.number_in(text)
        return parent.by_name.get(text) or (None if number is None else parent.by_number.get(number))

    def ensure(self, parent: Node, text: str, column: str) -> Node:
        """The place that is meant, or a new one with a key of its own. Raises RowRefused."""
        if (found := self.find(parent, text)) is not None:
            return found
        if len(text) > 100:
            raise RowRefused(column, "too_long", "名称过长", "The name is too long")
        if (kind := BELOW.get(level(parent.area))) is None:
            raise RowRefused(column, "wrong_level", "此处不能再建下级", "Nothing can be added below this place")
        depth = LEVELS[LEVELS.index(level(parent.area)) + 1]
        number = domain.free_number(parent.by_number, domain.number_in(text))
        area = f"{parent.area}.{domain.key_of(depth, number)}"
        while area in parent.keys:  # of an abolished place: a key is never used again
            number = max(number, *parent.by_number, 0) + 1
            area = f"{parent.area}.{domain.key_of(depth, number)}"
        name = f"{text}{domain.SUFFIXES[kind]}" if text.isdecimal() else text
        node = Node(new_id(), area, kind, name, parent.id, number, new=True)
        parent.keys.add(area)
        self._add(node, parent)
        return node

    def _add(self, node: Node, parent: Node | None) -> None:
        self._nodes[node.area] = node
        if parent is not None:
            parent.by_name[node.name] = node
            if node.number is not None:
                parent.by_number[node.number] = node
