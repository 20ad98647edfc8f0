"""What the gateway is made of; wiring only. Capabilities add their routers, rights, subscriptions, timers and loops."""

from fastapi import APIRouter

from services.gateway.clients.api import router as clients
from services.gateway.clients.oauth import oauth
from services.gateway.identity.api import codes, jwks, me, sessions
from services.gateway.identity.housekeeping import tidy_up
from services.gateway.inbound.api import inbound, messages, schemas, sources
from services.gateway.inbound.carrier import carry_messages
from services.gateway.notifications.api import router as notifications
from services.gateway.notifications.sender import send_notifications
from services.gateway.openapi.api import router as openapi
from services.gateway.opening import open_gateway
from services.gateway.rights import RIGHTS
from services.gateway.routing.cors import outermost
from services.gateway.settings import GatewaySettings
from services.gateway.subscriptions import SUBSCRIPTIONS
from services.gateway.views.api import router as views
from services.gateway.vocabularies.api import router as vocabularies
from services.gateway.webhooks.api import delivery_router, schema_router
from services.gateway.webhooks.api import router as webhooks
from services.gateway.webhooks.deliveries import run_replays
from services.gateway.webhooks.handshakes import shake_hands
from services.gateway.webhooks.housekeeping import forget_old
from services.gateway.webhooks.sender import send_webhooks
from shared.contracts.gateway import RECORD
from shared.jobs import operations_router
from shared.service import Service

ROUTERS: tuple[APIRouter, ...] = (
    codes,
    sessions,
    me,
    jwks,
    clients,
    oauth,
    openapi,
    vocabularies,
    webhooks,
    delivery_router,
    schema_router,
    inbound,
    sources,
    messages,
    schemas,
    notifications,
    views,
    operations_router("gateway", RECORD),
)

SERVICE = Service(
    name="gateway",
    title="Linli gateway",
    settings=GatewaySettings,
    routers=ROUTERS,
    rights=RIGHTS,
    subscriptions=SUBSCRIPTIONS,
    timers={},
    loops=(tidy_up, send_webhooks, shake_hands, run_replays, carry_messages, send_notifications, forget_old),
    opens=open_gateway,
    outermost=outermost,
)
