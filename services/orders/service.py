"""Wiring of orders: settings, routes, rights, subscriptions, timers."""

from services.orders.money.api import routers as money_routers
from services.orders.money.uploads import KIND as PAYMENTS_UPLOAD_KIND
from services.orders.money.uploads import PAYMENTS_UPLOAD
from services.orders.rights import RIGHTS
from services.orders.settings import OrdersSettings
from services.orders.subscriptions import SUBSCRIPTIONS
from shared.contracts.orders import RECORD
from shared.jobs import operations_router, run_jobs
from shared.service import Resources, Service


async def uploads(resources: Resources) -> None:
    """Checks and applies uploaded lists."""
    await run_jobs(resources, RECORD, {PAYMENTS_UPLOAD_KIND: PAYMENTS_UPLOAD})


SERVICE = Service(
    name="orders",
    title="Linli orders",
    settings=OrdersSettings,
    routers=(*money_routers, operations_router("orders", RECORD)),
    rights=RIGHTS,
    subscriptions=SUBSCRIPTIONS,
    timers={},
    loops=(uploads,),
)
