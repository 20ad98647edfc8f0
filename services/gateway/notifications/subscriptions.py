"""What makes the gateway tell a household something."""

from services.gateway.notifications import use_cases
from shared.bus.copies import copy_into
from shared.bus.subscription import Subscription
from shared.contracts import orders, registry

NOTIFICATIONS: tuple[Subscription, ...] = (
    Subscription(registry.HOUSEHOLD, "copy", copy_into("household_copies")),
    Subscription(orders.SHORTAGE, "effect", use_cases.on_shortage, ("shortage.decided",)),
    Subscription(orders.ORDER, "effect", use_cases.on_order_cancelled, ("order.cancelled",)),
    Subscription(orders.PARCEL, "effect", use_cases.on_parcel_called, ("parcel.called",)),
    Subscription(orders.PAYMENT, "effect", use_cases.on_refund_paid, ("refund.paid",)),
)
