"""Row → contract, the only place that knows both."""

from services.registry.roles.tables import Role
from shared.contracts.registry import RoleV1


def role_state(role: Role) -> RoleV1:
    return RoleV1(
        id=role.id,
        version=role.version,
        area=role.area,
        person_id=role.person_id,
        role=role.role,
        organization_id=role.organization_id,
        from_at=role.from_at,
        until_at=role.until_at,
        ended_at=role.ended_at,
        state=role.state,
    )
