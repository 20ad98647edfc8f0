"""Allocations and shortages over HTTP."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from services.orders.allocation.queries import Reason
from shared.areas import AreaPath
from shared.pagination import Page
from shared.web import Body, Public


class SupplyIn(Body):
    item_id: UUID
    qty: Annotated[int, Field(ge=0, le=1_000_000)]


class AllocationCreate(Body):
    """A trial of the rule. ``supplies``: figures of one's own, items left out suffice; without them, what is known.

    ``area``: for ``received_short``, that of the receipt; the whole purchase when left out.
    """

    id: UUID | None = None
    purchase_id: UUID
    reason: Reason
    area: AreaPath | None = None
    supplies: Annotated[list[SupplyIn], Field(max_length=500)] = Field(default_factory=list)


class AllocationWeights(Public):
    """The street's published weights: by priority class from 0 up, and what a sealed building adds."""

    by_class: list[int]
    sealed_building: int
    deficit_days: int


class ItemSupply(Public):
    """A short item: units that were wanted, and that there were."""

    item_id: UUID
    wanted: int
    supply: int


class AllocationReplay(Public):
    """The last time it was drawn again from its record. ``differences``: how many lines came out otherwise."""

    at: AwareDatetime
    differences: int
    same: bool


class AllocationPublic(Public):
    """One run of the rule; ``seed`` decides ties. ``applied_by`` is null when it ran by itself."""

    id: UUID
    version: int
    purchase_id: UUID
    reason: Reason
    state: Literal["proposed", "applied"]
    area: str
    areas: list[str]
    rule: str
    seed: str
    policy_id: UUID | None
    weights: AllocationWeights
    supplies: list[ItemSupply]
    created_by: UUID | None
    created_at: AwareDatetime
    applied_by: UUID | None
    applied_at: AwareDatetime | None
    replay: AllocationReplay | None


class AllocationPage(Page):
    items: list[AllocationPublic]


class AllocationLinePublic(Public):
    """What the rule knew of a line, and what it gave.

    ``priority``: the household's weight; ``deficit``: units it missed in the counted days; ``cut_last``: whether it
    went short the last time.
    """

    line_id: UUID
    household_id: UUID
    item_id: UUID
    requested: int
    priority: int
    deficit: int
    cut_last: bool
    allocated: int


class AllocationLinePage(Page):
    items: list[AllocationLinePublic]


class ShortagePublic(Public):
    """What a household was told when it came short; once per purchase and reason."""

    id: UUID
    version: int
    area: str
    household_id: UUID
    purchase_id: UUID
    order_id: UUID
    reason: Reason
    zh: str
    en: str
    created_at: AwareDatetime


class ShortagePage(Page):
    items: list[ShortagePublic]
