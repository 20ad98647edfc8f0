"""Who got what when the goods were short, from which inputs, and what each household is told."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field

from services.orders.rows import Base, area_field, areas_field, document, maybe_moment, moment


class Allocation(Base, table=True):
    """One run on a purchase, or on what one truck brought of it (``area``); ``seed`` and ``inputs`` replay it.

    ``inputs``: ``rule``, ``weights`` (as a policy writes them), ``supplies`` [{item_id, wanted, supply}].
    """

    __tablename__ = "allocations"

    id: UUID = Field(primary_key=True)
    version: int = 1
    purchase_id: UUID
    reason: str
    state: str
    area: str = area_field()
    areas: list[str] = areas_field()
    seed: str
    inputs: dict[str, Any] = document()
    policy_id: UUID | None = None
    created_by: UUID | None = None
    created_at: datetime = moment()
    applied_by: UUID | None = None
    applied_at: datetime | None = maybe_moment()
    replayed_at: datetime | None = maybe_moment()
    replay_differences: int | None = None


class AllocationLine(Base, table=True):
    """What the rule knew of one line of a short item, and what it gave. ``priority``: the household's weight."""

    __tablename__ = "allocation_lines"

    allocation_id: UUID = Field(primary_key=True)
    line_id: UUID = Field(primary_key=True)
    household_id: UUID
    item_id: UUID
    requested: int
    priority: int
    deficit: int
    cut_last: bool
    allocated: int


class Deficit(Base, table=True):
    """Units that a household missed in one purchase, of what was short in it; 0 when it got all it had asked for."""

    __tablename__ = "deficits"

    household_id: UUID = Field(primary_key=True)
    purchase_id: UUID = Field(primary_key=True)
    area: str = area_field()
    short: int
    decided_at: datetime = moment()


class Shortage(Base, table=True):
    """Told once per household, purchase and reason."""

    __tablename__ = "shortages"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = area_field()
    household_id: UUID
    purchase_id: UUID
    order_id: UUID
    reason: str
    zh: str
    en: str
    created_at: datetime = moment()
