"""Wiring of orders: settings, routes, rights, subscriptions, timers."""

from services.orders.allocation.api import routers as allocation_routers
from services.orders.callbacks.api import router as callbacks_router
from services.orders.callbacks.use_cases import TIMERS as CALLBACK_TIMERS
from services.orders.catalogue.api import routers as catalogue_routers
from services.orders.intake.api import routers as intake_routers
from services.orders.intake.batcher import intake
from services.orders.money.api import routers as money_routers
from services.orders.money.uploads import KIND as PAYMENTS_UPLOAD_KIND
from services.orders.money.uploads import PAYMENTS_UPLOAD
from services.orders.parcels.api import routers as parcel_routers
from services.orders.purchasing.api import router as purchases_router
from services.orders.purchasing.timers import TIMERS as PURCHASE_TIMERS
from services.orders.receiving.api import routers as receiving_routers
from services.orders.receiving.timers import TIMERS as RECEIPT_TIMERS
from services.orders.rights import RIGHTS
from services.orders.rounds.api import router as rounds_router
from services.orders.rounds.timers import TIMERS as ROUND_TIMERS
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
    routers=(
        *intake_routers,  # first: routes are tried in order, and orders come most often
        *catalogue_routers,
        purchases_router,
        rounds_router,
        *money_routers,
        *allocation_routers,
        callbacks_router,
        *receiving_routers,
        *parcel_routers,
        operations_router("orders", RECORD),
    ),
    rights=RIGHTS,
    subscriptions=SUBSCRIPTIONS,
    timers=PURCHASE_TIMERS | ROUND_TIMERS | RECEIPT_TIMERS | CALLBACK_TIMERS,
    loops=(uploads,),
    opens=intake,
)
