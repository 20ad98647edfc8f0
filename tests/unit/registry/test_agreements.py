"""When an outside organization may act in a community (R12)."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from services.registry.agreements import domain
from services.registry.rights import RIGHTS
from shared.auth import Grant, Principal
from shared.ids import new_id
from shared.problems import Forbidden, TransitionNotAllowed

NOW = datetime(2020, 2, 12, tzinfo=UTC)
DAY = date(2020, 2, 12)
COMMUNITY = "42.01.12.013.001"
SOMEBODY = new_id()


@dataclass
class Agreement:
    state: str = "proposed"
    purposes: list[str] = field(default_factory=lambda: ["group_buy"])
    areas: list[str] = field(default_factory=lambda: [COMMUNITY])
    starts_on: date = DAY
    ends_on: date = date(2020, 12, 31)
    endorsed_by: UUID | None = None
    endorsed_at: datetime | None = None
    accepted_by: UUID | None = None
    accepted_at: datetime | None = None
    decided_by: UUID | None = None
    decided_at: datetime | None = None
    reason: str | None = None


def opens(agreement: Agreement, on: date = DAY) -> bool:
    return domain.opens(agreement, "group_buy", f"{COMMUNITY}.c01", on)


@pytest.mark.feature("R12")
def test_endorsement_alone_opens_nothing() -> None:
    agreement = Agreement()
    assert domain.endorse(agreement, SOMEBODY, NOW) == "agreement.endorsed"
    assert domain.endorse(agreement, SOMEBODY, NOW) is None
    assert not opens(agreement)


@pytest.mark.feature("R12")
def test_accepting_twice_happens_once() -> None:
    agreement = Agreement()
    assert domain.accept(agreement, SOMEBODY, NOW) == "agreement.accepted"
    assert domain.accept(agreement, SOMEBODY, NOW) is None
    assert opens(agreement)


def test_it_opens_only_its_purposes_places_and_days() -> None:
    agreement = Agreement(state="active")
    assert not domain.opens(agreement, "medicine", COMMUNITY, DAY)
    assert not domain.opens(agreement, "group_buy", "42.01.12.013.002", DAY)
    assert not opens(agreement, date(2020, 2, 11))
    assert opens(agreement, date(2020, 12, 31))
    assert not opens(agreement, date(2021, 1, 1))


def test_declined_cannot_be_accepted() -> None:
    agreement = Agreement()
    assert domain.decide(agreement, "decline", SOMEBODY, None, NOW) == "agreement.declined"
    with pytest.raises(TransitionNotAllowed):
        domain.accept(agreement, SOMEBODY, NOW)


def test_suspended_opens_nothing_until_it_is_resumed() -> None:
    agreement = Agreement(state="active")
    domain.decide(agreement, "suspend", SOMEBODY, "complaint", NOW)
    assert not opens(agreement)
    assert domain.decide(agreement, "resume", SOMEBODY, None, NOW) == "agreement.resumed"
    assert opens(agreement)


@pytest.mark.feature("R12")
@pytest.mark.parametrize("verb", ["accept", "decline", "suspend", "resume"])
def test_nobody_above_the_community_can_do_it_for_them(verb: str) -> None:
    def holder(role: str, area: str) -> Principal:
        return Principal(new_id(), "person", new_id(), (Grant(role, area=area),), rights=RIGHTS)

    holder("committee_secretary", COMMUNITY).must(f"agreements.{verb}", on=COMMUNITY)
    for role, area in (("street_official", "42.01.12.013"), ("committee_secretary", "42.01.12.013")):
        with pytest.raises(Forbidden):
            holder(role, area).must(f"agreements.{verb}", on=COMMUNITY)
