"""The verbs of the catalogue."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders import copies
from services.orders.catalogue import domain
from services.orders.catalogue.messages import item_record, pairing_record, price_list_record
from services.orders.catalogue.schemas import (
    CatalogItemCreate,
    CatalogItemUpdate,
    PackageCreate,
    PackageUpdate,
    PriceListCreate,
    StorePairingCreate,
    StorePairingEnd,
)
from services.orders.catalogue.tables import CatalogItem, PriceList, PriceListLine, StorePairing
from shared.answers import id_conflict, same_or_conflict
from shared.areas import Level, level
from shared.auth import Principal
from shared.bus.outbox import record
from shared.clock import shanghai_date
from shared.contracts import orders
from shared.database import insert_rows, locked, transaction_time, unknown_reference
from shared.ids import new_id
from shared.problems import Conflict, FieldError, Invalid, NotFound, invalid
from shared.web import must_match


async def create_pairing(db: AsyncSession, who: Principal, body: StorePairingCreate) -> StorePairing:
    """Raises Forbidden (agreement_required) unless the community's agreement with the store is active today."""
    who.must("store_pairings.create", on=body.area)
    content: dict[str, Any] = {"area": body.area, "store_id": body.store_id}
    if body.id and (there := await db.get(StorePairing, body.id)):
        return same_or_conflict(there, content)
    if level(body.area) is not Level.COMMUNITY:
        raise invalid("/area", "not_a_community", "须为社区。", "A pairing is made for a community.")
    if await copies.organization(db, body.store_id) is None:
        raise unknown_reference(body.store_id, "/store_id")
    now = transaction_time(db)
    agreement_id = await copies.active_agreement(db, body.area, body.store_id, shanghai_date(now))
    if agreement_id is None:
        raise domain.agreement_required()
    if await paired(db, body.area, body.store_id) is not None:
        raise Conflict(
            ("该社区与此商店已配对。", "The community is paired with this store already; use that pairing."),
            code="duplicate",
        )
    pairing = StorePairing(
        id=body.id or new_id(), **content, agreement_id=agreement_id, created_by=who.id, created_at=now
    )
    db.add(pairing)
    record(db, orders.RECORD, "store_pairing.created", pairing_record(pairing))
    return pairing


async def paired(db: AsyncSession, area: str, store_id: UUID) -> StorePairing | None:
    """The active pairing of a community and a store."""
    query = select(StorePairing).where(
        col(StorePairing.area) == area, col(StorePairing.store_id) == store_id, col(StorePairing.state) == "active"
    )
    return (await db.execute(query)).scalar_one_or_none()


async def must_be_open(db: AsyncSession, area: str, store_id: UUID) -> None:
    """Raises Forbidden (agreement_required) unless store and community are paired and their agreement holds today."""
    today = shanghai_date(transaction_time(db))
    if await paired(db, area, store_id) is None:
        raise domain.agreement_required()
    if await copies.active_agreement(db, area, store_id, today) is None:
        raise domain.agreement_required()


async def end_pairing(db: AsyncSession, who: Principal, pairing_id: UUID, body: StorePairingEnd) -> StorePairing:
    pairing = await locked(db, StorePairing, pairing_id)
    who.must("store_pairings.end", on=pairing.area, organization=pairing.store_id)
    if happened := domain.end(pairing, body.reason_code, transaction_time(db)):
        record(db, orders.RECORD, happened, pairing_record(pairing))
    return pairing


async def create_item(db: AsyncSession, who: Principal, body: CatalogItemCreate) -> CatalogItem:
    who.must("catalog_items.create", organization=body.store_id)
    content = body.model_dump(exclude={"id"}) | {"kind": "item"}
    return await _add(db, who, body.id, content)


async def create_package(db: AsyncSession, who: Principal, body: PackageCreate) -> CatalogItem:
    """A package's weight is that of its contents."""
    who.must("packages.create", organization=body.store_id)
    inside = {part.item_id: part.qty for part in body.contents}
    if len(inside) < len(body.contents):
        raise invalid("/contents", "duplicate", "同一商品只能列一次。", "List each item once.")
    weights = await _weights(db, body.store_id, list(inside))
    if missing := [i for i, part in enumerate(body.contents) if part.item_id not in weights]:
        raise _unknown_items([f"/contents/{index}/item_id" for index in missing])
    content = body.model_dump(mode="json", include={"contents"}) | {
        "store_id": body.store_id,
        "name": body.name,
        "unit": body.unit,
        "storage": body.storage,
        "kind": "package",
        "weight_g": domain.weight_of((weights[item], qty) for item, qty in inside.items()),
    }
    return await _add(db, who, body.id, content)


async def _add(db: AsyncSession, who: Principal, id: UUID | None, content: dict[str, Any]) -> CatalogItem:
    if id and (there := await db.get(CatalogItem, id)):
        return same_or_conflict(there, content)
    item = CatalogItem(id=id or new_id(), **content, created_by=who.id, created_at=transaction_time(db))
    db.add(item)
    kind = "catalog_item" if item.kind == "item" else "package"
    record(db, orders.RECORD, f"{kind}.created", item_record(item))
    return item


async def _weights(db: AsyncSession, store_id: UUID, ids: Sequence[UUID]) -> dict[UUID, int]:
    rows = await db.execute(
        select(col(CatalogItem.id), col(CatalogItem.weight_g)).where(
            col(CatalogItem.id).in_(ids), col(CatalogItem.store_id) == store_id, col(CatalogItem.kind) == "item"
        )
    )
    return {row[0]: row[1] for row in rows}


def _unknown_items(pointers: Sequence[str]) -> Invalid:
    text_ = ("没有此商品。", "The store's catalogue has no such item; read /v1/catalog-items.")
    return Invalid(text_, errors=[FieldError(pointer, "unknown", text_) for pointer in pointers])


async def update_goods(
    db: AsyncSession,
    who: Principal,
    kind: str,
    item_id: UUID,
    body: CatalogItemUpdate | PackageUpdate,
    version: int,
) -> CatalogItem:
    """Changes an item (``kind`` item) or a package. What purchases have pinned stays as it was."""
    item = await locked(db, CatalogItem, item_id)
    if item.kind != kind:
        raise NotFound()
    collection = "catalog_items" if kind == "item" else "packages"
    who.must(f"{collection}.update", organization=item.store_id)
    changes = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    changes = {name: value for name, value in changes.items() if getattr(item, name) != value}
    if not changes:
        return item
    must_match(item.version, version)
    for name, value in changes.items():
        setattr(item, name, value)
    item.version += 1
    event = "catalog_item.updated" if kind == "item" else "package.updated"
    record(db, orders.RECORD, event, item_record(item))
    return item


async def create_price_list(db: AsyncSession, who: Principal, body: PriceListCreate) -> PriceList:
    """A draft; its number is the next of the store."""
    who.must("price_lists.create", organization=body.store_id)
    content = body.model_dump(include={"store_id", "valid_from", "valid_until"})
    prices = {line.item_id: line.price.amount_fen for line in body.lines}
    if body.id and (there := await db.get(PriceList, body.id)):
        if prices != await _prices(db, there.id):
            raise id_conflict()
        return same_or_conflict(there, content)
    if len(prices) < len(body.lines):
        raise invalid("/lines", "duplicate", "同一商品只能列一次。", "List each item once.")
    if body.valid_until is not None and body.valid_until <= body.valid_from:
        raise invalid("/valid_until", "too_early", "须晚于开始时间。", "It must be later than valid_from.")
    await _must_sell(db, body)
    # One writer of a store's list numbers at a time.
    await db.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:store, 11))"), {"store": str(body.store_id)})
    newest = select(func.max(col(PriceList.list_no))).where(col(PriceList.store_id) == body.store_id)
    number = (await db.execute(newest)).scalar_one() or 0
    made = PriceList(
        id=body.id or new_id(), list_no=number + 1, **content, created_by=who.id, created_at=transaction_time(db)
    )
    db.add(made)
    await db.flush()
    lines = [{"price_list_id": made.id, "item_id": item, "price_fen": fen} for item, fen in prices.items()]
    await insert_rows(db, PriceListLine, lines)
    record(db, orders.RECORD, "price_list.created", price_list_record(made))
    return made


async def _must_sell(db: AsyncSession, body: PriceListCreate) -> None:
    wanted = [line.item_id for line in body.lines]
    rows = await db.execute(
        select(col(CatalogItem.id)).where(col(CatalogItem.id).in_(wanted), col(CatalogItem.store_id) == body.store_id)
    )
    known = set(rows.scalars())
    if missing := [index for index, item in enumerate(wanted) if item not in known]:
        raise _unknown_items([f"/lines/{index}/item_id" for index in missing])


async def _prices(db: AsyncSession, price_list_id: UUID) -> dict[UUID, int]:
    rows = await db.execute(
        select(col(PriceListLine.item_id), col(PriceListLine.price_fen)).where(
            col(PriceListLine.price_list_id) == price_list_id
        )
    )
    return {row[0]: row[1] for row in rows}


async def sign_price_list(db: AsyncSession, who: Principal, price_list_id: UUID) -> PriceList:
    """The store's manager vouches for the prices; from then on the list is immutable."""
    prices = await locked(db, PriceList, price_list_id)
    who.must("price_lists.sign", organization=prices.store_id)
    if happened := domain.sign(prices, who.id, transaction_time(db)):
        record(db, orders.RECORD, happened, price_list_record(prices))
    return prices
