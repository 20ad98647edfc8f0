"""When an outside organization may act in a community (R12)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.registry.agreements import domain
from services.registry.rights import RIGHTS
from shared.auth import Grant, Principal
from shared.ids import new_id
from shared.problems import Forbidden, TransitionNotAllowed

NOW = datetime(2020, 2, 12, tzinfo=UTC)
COMMUNITY = "42.01.12.013.001"
SOMEBODY = new_id()


@dataclass
class Agreement:
    state: str = "proposed"
    endorsed_by: UUID | None = None
    endorsed_at: datetime | None = None
    accepted_by: UUID | None = None
    accepted_at: datetime | None = None
    decided_by: UUID | None = None
    decided_at: datetime | None = None
    reason: str | None = None


@pytest.mark.feature("R12")
def test_endorsement_alone_opens_nothing() -> None:
    agreement = Agreement()
    assert domain.endorse(agreement, SOMEBODY, NOW) == "agreement.endorsed"
    assert domain.endorse(agreement, SOMEBODY, NOW) is None
    assert agreement.state == "proposed"


@pytest.mark.feature("R12")
def test_accepting_twice_happens_once() -> None:
    agreement = Agreement()
    assert domain.accept(agreement, SOMEBODY, NOW) == "agreement.accepted"
    assert domain.accept(agreement, SOMEBODY, NOW) is None
    assert (agreement.state, agreement.accepted_by) == ("active", SOMEBODY)


def test_declined_cannot_be_accepted() -> None:
    agreement = Agreement()
    assert domain.decide(agreement, "decline", SOMEBODY, None, NOW) == "agreement.declined"
    with pytest.raises(TransitionNotAllowed):
        domain.accept(agreement, SOMEBODY, NOW)


def test_it_is_suspended_until_it_is_resumed() -> None:
    agreement = Agreement(state="active")
    domain.decide(agreement, "suspend", SOMEBODY, "complaint", NOW)
    assert (agreement.state, agreement.reason) == ("suspended", "complaint")
    assert domain.decide(agreement, "resume", SOMEBODY, None, NOW) == "agreement.resumed"
    assert agreement.state == "active"


@pytest.mark.feature("R12")
@pytest.mark.parametrize("verb", ["accept", "decline", "suspend", "resume"])
def test_nobody_above_the_community_can_do_it_for_them(verb: str) -> None:
    def holder(role: str, area: str) -> Principal:
        return Principal(new_id(), "person", new_id(), (Grant(role, area=area),), rights=RIGHTS)

    holder("committee_secretary", COMMUNITY).must(f"agreements.{verb}", on=COMMUNITY)
    for role, area in (("street_official", "42.01.12.013"), ("committee_secretary", "42.01.12.013")):
        with pytest.raises(Forbidden):
            holder(role, area).must(f"agreements.{verb}", on=COMMUNITY)
