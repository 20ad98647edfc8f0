"""What goes in and out of the catalogue."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from shared.areas import AreaPath
from shared.money import Money, Price
from shared.pagination import Page
from shared.web import Body, Public, Transition

Name = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Unit = Annotated[str, StringConstraints(min_length=1, max_length=20)]
Weight = Annotated[int, Field(gt=0, le=1_000_000, description="Grams of one unit.")]
Storage = Literal["normal", "chilled", "frozen"]


class StorePairingCreate(Body):
    id: UUID | None = None
    area: AreaPath
    store_id: UUID


class StorePairingEnd(Transition):
    reason_code: Literal["agreement_ended", "store_closed", "community_request", "other"] = "other"


class StorePairingPublic(Public):
    id: UUID
    version: int
    area: str
    store_id: UUID
    agreement_id: UUID
    state: Literal["active", "ended"]
    reason: str | None
    created_at: AwareDatetime
    ended_at: AwareDatetime | None


class StorePairingPage(Page):
    items: list[StorePairingPublic]


class CatalogItemCreate(Body):
    id: UUID | None = None
    store_id: UUID
    name: Name
    unit: Unit
    weight_g: Weight
    storage: Storage


class CatalogItemUpdate(Body):
    name: Name | None = None
    unit: Unit | None = None
    weight_g: Weight | None = None
    storage: Storage | None = None
    available: bool | None = None


class CatalogItemPublic(Public):
    id: UUID
    version: int
    store_id: UUID
    name: str
    unit: str
    weight_g: int
    storage: Storage
    available: bool
    created_at: AwareDatetime


class CatalogItemPage(Page):
    items: list[CatalogItemPublic]


class PackageContent(Public, Body):
    item_id: UUID
    qty: Annotated[int, Field(ge=1, le=999)]


class PackageCreate(Body):
    """``contents`` are fixed for the package's life: another set is another package."""

    id: UUID | None = None
    store_id: UUID
    name: Name
    unit: Unit
    storage: Storage
    contents: Annotated[list[PackageContent], Field(min_length=1, max_length=50)]


class PackageUpdate(Body):
    name: Name | None = None
    unit: Unit | None = None
    storage: Storage | None = None
    available: bool | None = None


class PackagePublic(CatalogItemPublic):
    contents: list[PackageContent]


class PackagePage(Page):
    items: list[PackagePublic]


class PriceListLineIn(Body):
    item_id: UUID
    price: Price


class PriceListLinePublic(Public):
    item_id: UUID
    price: Money


class PriceListCreate(Body):
    id: UUID | None = None
    store_id: UUID
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None = None
    lines: Annotated[list[PriceListLineIn], Field(min_length=1, max_length=500)]


class PriceListSummary(Public):
    id: UUID
    version: int
    store_id: UUID
    list_no: Annotated[int, Field(description="Version of the store's prices, from 1.")]
    state: Literal["draft", "signed"]
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None
    created_at: AwareDatetime
    signed_by: UUID | None
    signed_at: AwareDatetime | None


class PriceListPublic(PriceListSummary):
    lines: list[PriceListLinePublic]


class PriceListPage(Page):
    items: list[PriceListSummary]
