"""Row → contract, the only place that knows both: confirmed claims and present consents, no personal data."""

from collections.abc import Sequence

from services.registry.claims.tables import HouseholdClaim
from services.registry.consents.tables import Consent
from services.registry.households.tables import Household
from shared.contracts.registry import ClaimV1, ConsentV1, HouseholdV1


def household_state(
    household: Household, claims: Sequence[HouseholdClaim] = (), consents: Sequence[Consent] = ()
) -> HouseholdV1:
    return HouseholdV1(
        id=household.id,
        version=household.version,
        area=household.area,
        priority_class=household.priority_class,
        claims=[ClaimV1(person_id=claim.person_id, state=claim.state) for claim in claims],
        consents=[consent_state(consent) for consent in consents],
        notify=household.notify,
        merged_into=household.merged_into,
        state=household.state,
    )


def consent_state(consent: Consent) -> ConsentV1:
    return ConsentV1(
        id=consent.id,
        person_id=consent.person_id,
        role=consent.role,
        area=consent.role_area,
        until=consent.until_at,
    )
