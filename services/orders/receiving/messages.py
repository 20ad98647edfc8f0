"""Receipts and lots → contract."""

from services.orders.receiving.tables import GoodsReceipt, Lot
from shared.contracts.record import RecordV1


def receipt_event(receipt: GoodsReceipt) -> RecordV1:
    return RecordV1(
        id=receipt.id,
        version=receipt.version,
        area=receipt.area,
        kind="goods_receipt",
        state=receipt.state,
        refs={"purchase_id": receipt.purchase_id},
        reason=None,
    )


def lot_event(lot: Lot) -> RecordV1:
    return RecordV1(
        id=lot.id,
        version=lot.version,
        area=lot.area,
        kind="lot",
        state="recalled" if lot.recalled_at else "usable",
        refs={"purchase_id": lot.purchase_id, "item_id": lot.item_id},
        reason=lot.reason,
    )
