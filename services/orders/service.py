"""Wiring of orders: settings, routes, rights, subscriptions, timers."""

from services.orders.rights import RIGHTS
from services.orders.settings import OrdersSettings
from services.orders.subscriptions import SUBSCRIPTIONS
from shared.service import Service

SERVICE = Service(
    name="orders",
    title="Linli orders",
    settings=OrdersSettings,
    routers=(),
    rights=RIGHTS,
    subscriptions=SUBSCRIPTIONS,
    timers={},
)
