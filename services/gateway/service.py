"""What the gateway is made of; wiring only. Capabilities add their routers, rights, subscriptions, timers and loops."""

from fastapi import APIRouter

from services.gateway.rights import RIGHTS
from services.gateway.settings import GatewaySettings
from services.gateway.subscriptions import SUBSCRIPTIONS
from shared.service import Service

ROUTERS: tuple[APIRouter, ...] = ()

SERVICE = Service(
    name="gateway",
    title="Linli gateway",
    settings=GatewaySettings,  # type: ignore[arg-type]
    routers=ROUTERS,
    rights=RIGHTS,
    subscriptions=SUBSCRIPTIONS,
    timers={},
    loops=(),
)
