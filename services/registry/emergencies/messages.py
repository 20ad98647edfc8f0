"""Row → contract, the only place that knows both."""

from services.registry.emergencies.tables import Emergency
from shared.contracts.registry import EmergencyV1


def emergency_state(emergency: Emergency) -> EmergencyV1:
    return EmergencyV1(
        id=emergency.id,
        version=emergency.version,
        area=emergency.area,
        areas=emergency.areas,
        title=emergency.title,
        legal_basis=emergency.legal_basis,
        notice_id=emergency.notice_id,
        from_at=emergency.from_at,
        closed_at=emergency.closed_at,
        state=emergency.state,
    )
