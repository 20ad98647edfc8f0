"""Stores paired with communities, what they sell, and the signed lists that every price comes from."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field

from services.orders.rows import Base, area_field, document, fen, maybe_moment, moment


class StorePairing(Base, table=True):
    """A store may sell to a community: opened by the community's active agreement."""

    __tablename__ = "store_pairings"

    id: UUID = Field(primary_key=True)
    version: int = 1
    area: str = area_field()
    store_id: UUID
    agreement_id: UUID
    state: str = "active"
    reason: str | None = None
    created_by: UUID
    created_at: datetime = moment()
    ended_at: datetime | None = maybe_moment()


class CatalogItem(Base, table=True):
    """Something a store sells by the unit; ``kind`` package has ``contents`` [{item_id, qty}]."""

    __tablename__ = "catalog_items"

    id: UUID = Field(primary_key=True)
    version: int = 1
    store_id: UUID
    kind: str
    name: str
    unit: str
    weight_g: int
    storage: str
    contents: list[dict[str, Any]] | None = document(None)
    available: bool = True
    created_by: UUID
    created_at: datetime = moment()


class PriceList(Base, table=True):
    """Version ``list_no`` of a store's prices; immutable once its manager has signed it."""

    __tablename__ = "price_lists"

    id: UUID = Field(primary_key=True)
    version: int = 1
    store_id: UUID
    list_no: int
    state: str = "draft"
    valid_from: datetime = moment()
    valid_until: datetime | None = maybe_moment()
    created_by: UUID
    created_at: datetime = moment()
    signed_by: UUID | None = None
    signed_at: datetime | None = maybe_moment()


class PriceListLine(Base, table=True):
    __tablename__ = "price_list_lines"

    price_list_id: UUID = Field(primary_key=True)
    item_id: UUID = Field(primary_key=True)
    price_fen: int = fen()
