"""What orders listens to."""

from shared.bus.copies import copy_into
from shared.bus.subscription import Subscription
from shared.contracts import registry
from shared.revocation import REVOCATIONS

SUBSCRIPTIONS: tuple[Subscription, ...] = (
    Subscription(registry.PLACE, "copy", copy_into("place_copies")),
    Subscription(registry.HOUSEHOLD, "copy", copy_into("household_copies")),
    Subscription(registry.ORGANIZATION, "copy", copy_into("organization_copies")),
    Subscription(registry.AGREEMENT, "copy", copy_into("agreement_copies")),
    Subscription(registry.POLICY, "copy", copy_into("policy_copies")),
    Subscription(registry.EMERGENCY, "copy", copy_into("emergency_copies")),
    REVOCATIONS,
)
