"""From rows of the catalogue to their events."""

from services.orders.catalogue.tables import CatalogItem, PriceList, StorePairing
from shared.contracts.record import RecordV1


def pairing_record(pairing: StorePairing) -> RecordV1:
    return RecordV1(
        id=pairing.id,
        version=pairing.version,
        area=pairing.area,
        kind="store_pairing",
        state=pairing.state,
        refs={"store_id": pairing.store_id, "agreement_id": pairing.agreement_id},
        reason=pairing.reason,
    )


def item_record(item: CatalogItem) -> RecordV1:
    """Of an item or a package."""
    return RecordV1(
        id=item.id,
        version=item.version,
        area=None,
        kind="catalog_item" if item.kind == "item" else "package",
        state="available" if item.available else "unavailable",
        refs={"store_id": item.store_id},
        reason=None,
    )


def price_list_record(prices: PriceList) -> RecordV1:
    return RecordV1(
        id=prices.id,
        version=prices.version,
        area=None,
        kind="price_list",
        state=prices.state,
        refs={"store_id": prices.store_id},
        reason=None,
    )
