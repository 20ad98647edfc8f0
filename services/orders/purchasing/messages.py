"""From a purchase and its items to its event."""

from collections.abc import Sequence

from services.orders.purchasing.tables import Purchase, PurchaseItem
from shared.contracts.orders import PurchaseItemV1, PurchaseV1


def purchase_event(purchase: Purchase, items: Sequence[PurchaseItem]) -> PurchaseV1:
    """``ordered`` is net: what was sold and not cancelled."""
    return PurchaseV1(
        id=purchase.id,
        version=purchase.version,
        area=purchase.area,
        areas=purchase.areas,
        code=purchase.code,
        store_id=purchase.store_id,
        state=purchase.state,
        reason=purchase.reason,
        delivery_on=purchase.delivery_on,
        send_at=purchase.send_at,
        confirm_by=purchase.confirm_by,
        items=[
            PurchaseItemV1(
                item_id=item.item_id,
                ordered=item.initial - item.left,
                confirmed=item.confirmed,
                received=item.received,
            )
            for item in items
        ],
    )
