"""Everything that registry listens to."""

from shared.bus.subscription import Subscription
from shared.revocation import REVOCATIONS

SUBSCRIPTIONS: tuple[Subscription, ...] = (REVOCATIONS,)
