"""What the gateway listens to: the whole list."""

from shared.bus.subscription import Subscription

SUBSCRIPTIONS: tuple[Subscription, ...] = ()
