"""Row → contract, the only place that knows both."""

from services.registry.policies.tables import Policy
from shared.contracts.registry import PolicyV1


def policy_state(policy: Policy) -> PolicyV1:
    return PolicyV1(
        id=policy.id,
        version=policy.version,
        area=policy.area,
        kind=policy.kind,
        values=policy.values,
        valid_from=policy.valid_from,
        valid_until=policy.valid_until,
        state=policy.state,
    )
