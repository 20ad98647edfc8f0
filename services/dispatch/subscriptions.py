"""Everything that dispatch listens to."""

from services.dispatch.recruitment.effects import on_emergency_closed
from services.dispatch.vetting.effects import on_person_erased
from shared.bus.copies import copy_into
from shared.bus.subscription import Subscription
from shared.contracts import registry
from shared.revocation import REVOCATIONS

SUBSCRIPTIONS: tuple[Subscription, ...] = (
    Subscription(registry.PLACE, "copy", copy_into("place_copies")),
    Subscription(registry.EMERGENCY, "copy", copy_into("emergency_copies")),
    Subscription(registry.ORGANIZATION, "copy", copy_into("organization_copies")),
    Subscription(registry.EMERGENCY, "effect", on_emergency_closed, types=("emergency.closed",)),
    Subscription(registry.RECORD, "effect", on_person_erased, types=("person.erased",)),
    REVOCATIONS,
)
