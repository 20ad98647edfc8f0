"""What the gateway is made of; wiring only. Capabilities add their routers, rights, subscriptions, timers and loops."""

from fastapi import APIRouter

from services.gateway.clients.api import router as clients
from services.gateway.clients.oauth import oauth
from services.gateway.identity.api import codes, jwks, me, sessions
from services.gateway.identity.housekeeping import tidy_up
from services.gateway.openapi.api import router as openapi
from services.gateway.opening import open_gateway
from services.gateway.rights import RIGHTS
from services.gateway.routing.cors import outermost
from services.gateway.settings import GatewaySettings
from services.gateway.subscriptions import SUBSCRIPTIONS
from shared.service import Service

ROUTERS: tuple[APIRouter, ...] = (codes, sessions, me, jwks, clients, oauth, openapi)

SERVICE = Service(
    name="gateway",
    title="Linli gateway",
    settings=GatewaySettings,
    routers=ROUTERS,
    rights=RIGHTS,
    subscriptions=SUBSCRIPTIONS,
    timers={},
    loops=(tidy_up,),
    opens=open_gateway,
    outermost=outermost,
)
