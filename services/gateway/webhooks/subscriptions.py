"""Everything that may be told is listened to."""

from services.gateway.webhooks.catalogue import told_types
from services.gateway.webhooks.deliveries import tell_outsiders
from shared.bus.subscription import Subscription
from shared.contracts.base import all_topics

WEBHOOKS: tuple[Subscription, ...] = tuple(
    Subscription(topic, "effect", tell_outsiders, types=told_types(topic))
    for topic in all_topics()
    if told_types(topic)
)
