"""Callbacks → contract."""

from services.orders.callbacks.tables import Callback
from shared.contracts.record import RecordV1


def callback_event(callback: Callback) -> RecordV1:
    return RecordV1(
        id=callback.id,
        version=callback.version,
        area=callback.area,
        kind="callback",
        state=callback.state,
        refs={"order_id": callback.order_id, "household_id": callback.household_id},
        reason=callback.outcome or callback.reason,
    )
