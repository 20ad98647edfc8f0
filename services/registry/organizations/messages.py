"""Row → contract, the only place that knows both."""

from services.registry.organizations.tables import Organization
from shared.contracts.registry import OrganizationV1


def organization_state(organization: Organization) -> OrganizationV1:
    return OrganizationV1(
        id=organization.id,
        version=organization.version,
        area=organization.area,
        kind=organization.kind,
        name=organization.name,
        uscc=organization.uscc,
        filing_no=organization.filing_no,
        state=organization.state,
    )
