"""Reads of the catalogue."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.orders.catalogue.schemas import PriceListLinePublic, PriceListPublic, PriceListSummary
from services.orders.catalogue.tables import CatalogItem, PriceList, PriceListLine, StorePairing
from shared.areas import within
from shared.money import Money


def pairings(areas: Sequence[str], stores: Sequence[UUID], states: Sequence[str]) -> Select[StorePairing]:
    query = select(StorePairing)
    if areas:
        query = query.where(within(col(StorePairing.area), areas))
    if stores:
        query = query.where(col(StorePairing.store_id).in_(stores))
    if states:
        query = query.where(col(StorePairing.state).in_(states))
    return query


def goods(kind: str, stores: Sequence[UUID], available: bool | None) -> Select[CatalogItem]:
    query = select(CatalogItem).where(col(CatalogItem.kind) == kind)
    if stores:
        query = query.where(col(CatalogItem.store_id).in_(stores))
    if available is not None:
        query = query.where(col(CatalogItem.available) == available)
    return query


def price_lists(stores: Sequence[UUID], states: Sequence[str]) -> Select[PriceList]:
    query = select(PriceList)
    if stores:
        query = query.where(col(PriceList.store_id).in_(stores))
    if states:
        query = query.where(col(PriceList.state).in_(states))
    return query


async def with_lines(db: AsyncSession, prices: PriceList) -> PriceListPublic:
    """A price list with its lines, at most 500."""
    lines = (
        await db.execute(
            select(PriceListLine)
            .where(col(PriceListLine.price_list_id) == prices.id)
            .order_by(col(PriceListLine.item_id))
        )
    ).scalars()
    shown = [PriceListLinePublic(item_id=line.item_id, price=Money.of(line.price_fen)) for line in lines]
    return PriceListPublic(**PriceListSummary.model_validate(prices).model_dump(), lines=shown)
