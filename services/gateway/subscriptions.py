"""What the gateway listens to: the whole list. Capabilities add their own tuple."""

from services.gateway.identity.effects import on_role
from services.gateway.notifications.subscriptions import NOTIFICATIONS
from services.gateway.webhooks.subscriptions import WEBHOOKS
from shared.bus.copies import copy_into
from shared.bus.subscription import Subscription
from shared.contracts import registry

SUBSCRIPTIONS: tuple[Subscription, ...] = (
    Subscription(registry.ROLE, "copy", copy_into("role_copies")),
    Subscription(registry.ROLE, "effect", on_role),
    Subscription(registry.ORGANIZATION, "copy", copy_into("organization_copies")),
    *WEBHOOKS,
    *NOTIFICATIONS,
)
