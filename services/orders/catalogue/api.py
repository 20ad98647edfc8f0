"""Routes of the catalogue."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from services.orders.catalogue import queries, use_cases
from services.orders.catalogue.schemas import (
    CatalogItemCreate,
    CatalogItemPage,
    CatalogItemPublic,
    CatalogItemUpdate,
    PackageCreate,
    PackagePage,
    PackagePublic,
    PackageUpdate,
    PriceListCreate,
    PriceListPage,
    PriceListPublic,
    PriceListSummary,
    StorePairingCreate,
    StorePairingEnd,
    StorePairingPage,
    StorePairingPublic,
)
from services.orders.catalogue.tables import CatalogItem, PriceList, StorePairing
from shared.answers import Answers
from shared.areas import AreaPath
from shared.database import fetched
from shared.idempotency import OnceKey
from shared.pagination import PagingParams, paginate
from shared.problems import NotFound
from shared.web import Caller, Db, IfMatch, Transition

pairings_router = APIRouter(prefix="/v1/store-pairings", tags=["store_pairings"])
items_router = APIRouter(prefix="/v1/catalog-items", tags=["catalog_items"])
packages_router = APIRouter(prefix="/v1/packages", tags=["packages"])
prices_router = APIRouter(prefix="/v1/price-lists", tags=["price_lists"])

Stores = Annotated[list[UUID] | None, Query()]


@pairings_router.get("", operation_id="store_pairings_list")
async def list_pairings(
    db: Db,
    paging: PagingParams,
    area: Annotated[list[AreaPath] | None, Query(description="This place and all below it.")] = None,
    store_id: Stores = None,
    state: Annotated[list[Literal["active", "ended"]] | None, Query()] = None,
) -> StorePairingPage:
    """Which stores sell to which communities, the newest first."""
    query = queries.pairings(area or [], store_id or [], state or [])
    rows, cursor = await paginate(db, query, [StorePairing.id], paging, descending=True)
    return StorePairingPage(items=[StorePairingPublic.model_validate(row) for row in rows], next_cursor=cursor)


@pairings_router.post("", status_code=201, operation_id="store_pairings_create", response_model=StorePairingPublic)
async def create_pairing(body: StorePairingCreate, once: OnceKey, answer: Answers) -> StorePairing:
    """Pair a store with a community; the community's agreement must be active."""
    return answer.created(await once(use_cases.create_pairing, body))


@pairings_router.get("/{store_pairing_id}", operation_id="store_pairings_get", response_model=StorePairingPublic)
async def get_pairing(store_pairing_id: UUID, db: Db, answer: Answers) -> StorePairing:
    """One pairing."""
    return answer.one(await fetched(db, StorePairing, store_pairing_id))


@pairings_router.post("/{store_pairing_id}/end", operation_id="store_pairings_end", response_model=StorePairingPublic)
async def end_pairing(store_pairing_id: UUID, body: StorePairingEnd, once: OnceKey, answer: Answers) -> StorePairing:
    """End a pairing; rounds that are open go on."""
    return answer.one(await once(use_cases.end_pairing, store_pairing_id, body))


@items_router.get("", operation_id="catalog_items_list")
async def list_items(
    db: Db, paging: PagingParams, store_id: Stores = None, available: bool | None = None
) -> CatalogItemPage:
    """Items that stores sell."""
    query = queries.goods("item", store_id or [], available)
    rows, cursor = await paginate(db, query, [CatalogItem.id], paging)
    return CatalogItemPage(items=[CatalogItemPublic.model_validate(row) for row in rows], next_cursor=cursor)


@items_router.post("", status_code=201, operation_id="catalog_items_create", response_model=CatalogItemPublic)
async def create_item(body: CatalogItemCreate, once: OnceKey, answer: Answers) -> CatalogItem:
    """Add an item to the store's catalogue."""
    return answer.created(await once(use_cases.create_item, body))


@items_router.get("/{catalog_item_id}", operation_id="catalog_items_get", response_model=CatalogItemPublic)
async def get_item(catalog_item_id: UUID, db: Db, answer: Answers) -> CatalogItem:
    """One item."""
    return answer.one(_of_kind("item", await fetched(db, CatalogItem, catalog_item_id)))


@items_router.patch("/{catalog_item_id}", operation_id="catalog_items_update", response_model=CatalogItemPublic)
async def update_item(
    catalog_item_id: UUID, body: CatalogItemUpdate, db: Db, who: Caller, version: IfMatch, answer: Answers
) -> CatalogItem:
    """Change an item, or take it off sale."""
    return answer.one(await use_cases.update_goods(db, who, "item", catalog_item_id, body, version))


@packages_router.get("", operation_id="packages_list")
async def list_packages(
    db: Db, paging: PagingParams, store_id: Stores = None, available: bool | None = None
) -> PackagePage:
    """Packages that stores sell."""
    query = queries.goods("package", store_id or [], available)
    rows, cursor = await paginate(db, query, [CatalogItem.id], paging)
    return PackagePage(items=[PackagePublic.model_validate(row) for row in rows], next_cursor=cursor)


@packages_router.post("", status_code=201, operation_id="packages_create", response_model=PackagePublic)
async def create_package(body: PackageCreate, once: OnceKey, answer: Answers) -> CatalogItem:
    """Add a package of items to the store's catalogue."""
    return answer.created(await once(use_cases.create_package, body))


@packages_router.get("/{package_id}", operation_id="packages_get", response_model=PackagePublic)
async def get_package(package_id: UUID, db: Db, answer: Answers) -> CatalogItem:
    """One package."""
    return answer.one(_of_kind("package", await fetched(db, CatalogItem, package_id)))


@packages_router.patch("/{package_id}", operation_id="packages_update", response_model=PackagePublic)
async def update_package(
    package_id: UUID, body: PackageUpdate, db: Db, who: Caller, version: IfMatch, answer: Answers
) -> CatalogItem:
    """Change a package's name, unit or storage, or take it off sale."""
    return answer.one(await use_cases.update_goods(db, who, "package", package_id, body, version))


def _of_kind(kind: str, item: CatalogItem) -> CatalogItem:
    if item.kind != kind:
        raise NotFound()
    return item


@prices_router.get("", operation_id="price_lists_list")
async def list_price_lists(
    db: Db,
    paging: PagingParams,
    store_id: Stores = None,
    state: Annotated[list[Literal["draft", "signed"]] | None, Query()] = None,
) -> PriceListPage:
    """Versions of stores' prices, the newest first."""
    query = queries.price_lists(store_id or [], state or [])
    rows, cursor = await paginate(db, query, [PriceList.id], paging, descending=True)
    return PriceListPage(items=[PriceListSummary.model_validate(row) for row in rows], next_cursor=cursor)


@prices_router.post("", status_code=201, operation_id="price_lists_create")
async def create_price_list(body: PriceListCreate, once: OnceKey, db: Db, answer: Answers) -> PriceListPublic:
    """Draft the next version of the store's prices."""
    return await queries.with_lines(db, answer.created(await once(use_cases.create_price_list, body)))


@prices_router.get("/{price_list_id}", operation_id="price_lists_get")
async def get_price_list(price_list_id: UUID, db: Db, answer: Answers) -> PriceListPublic:
    """One version with its prices."""
    return await queries.with_lines(db, answer.one(await fetched(db, PriceList, price_list_id)))


@prices_router.post("/{price_list_id}/sign", operation_id="price_lists_sign")
async def sign_price_list(
    price_list_id: UUID, body: Transition, once: OnceKey, db: Db, answer: Answers
) -> PriceListPublic:
    """Sign a version; it is immutable from then on."""
    return await queries.with_lines(db, answer.one(await once(use_cases.sign_price_list, price_list_id)))


routers = (pairings_router, items_router, packages_router, prices_router)
