"""Who may give which role (R3)."""

import pytest

from services.registry.roles import domain


@pytest.mark.feature("R3")
def test_the_street_cannot_appoint_who_accepts_agreements() -> None:
    assert not domain.may_grant("street_official", "committee_secretary")
    assert domain.grantors("committee_secretary") == {"administrator"}


@pytest.mark.feature("R3")
def test_nobody_gives_a_role_above_their_own() -> None:
    assert not domain.may_grant("community_worker", "street_official")
    assert not domain.may_grant("building_head", "building_head")
    assert domain.grantors("administrator") == {"administrator"}


def test_every_role_can_be_given_by_somebody() -> None:
    roles = domain.AREA_ROLES | domain.ORGANIZATION_ROLES
    assert {role for role in roles if not domain.grantors(role)} == set()
