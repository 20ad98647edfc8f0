"""Who got what when the goods were short, from which inputs, and what each household is told."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field

from services.orders.rows import Base, area_field, areas_field, document, moment


class Allocation(Base, table=True):
    """One run on a purchase; ``seed`` and ``inputs`` replay it."""

    __tablename__ = "allocations"

    id: UUID = Field(primary_key=True)
    version: int = 1
    purchase_id: UUID
    reason: str
    area: str = area_field()
    areas: list[str] = areas_field()
    seed: str
    inputs: dict[str, Any] = document()
    created_at: datetime = moment()


class AllocationLine(Base, table=True):
    __tablename__ = "allocation_lines"

    allocation_id: UUID = Field(primary_key=True)
    line_id: UUID = Field(primary_key=True)
    household_id: UUID
    item_id: UUID
    requested: int
    priority: int
    deficit: int
    allocated: int


class Deficit(Base, table=True):
    """Units a household has gone short of, carried to the next purchase."""

    __tablename__ = "deficits"

    household_id: UUID = Field(primary_key=True)
    deficit: int = 0
    updated_at: datetime = moment()


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
