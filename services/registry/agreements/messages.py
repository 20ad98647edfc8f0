"""Row → contract, the only place that knows both."""

from services.registry.agreements.tables import Agreement
from shared.contracts.registry import AgreementV1


def agreement_state(agreement: Agreement) -> AgreementV1:
    return AgreementV1(
        id=agreement.id,
        version=agreement.version,
        area=agreement.area,
        organization_id=agreement.organization_id,
        community_area=agreement.area,
        purposes=agreement.purposes,
        areas=agreement.areas,
        data_classes=agreement.data_classes,
        starts_on=agreement.starts_on,
        ends_on=agreement.ends_on,
        capacity=agreement.capacity,
        state=agreement.state,
    )
