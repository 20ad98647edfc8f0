"""Where a notice may be applied, and which emergency covers a place (R2, R17)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from services.registry.consents.domain import in_bounds
from services.registry.emergencies import domain as emergencies
from services.registry.notices import domain
from shared.problems import TransitionNotAllowed

NOW = datetime(2020, 2, 11, tzinfo=UTC)


@dataclass(frozen=True)
class Emergency:
    name: str
    areas: list[str]
    from_at: datetime


@pytest.mark.feature("R2")
def test_a_citys_notice_is_applied_by_a_street_in_the_street() -> None:
    assert domain.within_reach(["42.01"], ["42.01.12.013"]) == ["42.01.12.013"]
    assert domain.within_reach(["42.01.12.013.001"], ["42.01.12.013"]) == ["42.01.12.013.001"]
    assert domain.within_reach(["42.01.12"], ["42.01.13"]) == []
    assert domain.within_reach(["42.01"], ["*"]) == ["42.01"]


def test_it_is_not_applied_where_it_does_not_speak_of() -> None:
    assert domain.outside(["42.01.12.013", "42.01.13"], ["42.01.12"]) == ["42.01.13"]


def test_a_dismissed_notice_is_not_applied() -> None:
    with pytest.raises(TransitionNotAllowed):
        domain.NOTICE.step("dismissed", "apply")


@pytest.mark.feature("R17")
def test_the_emergency_that_began_last_tags_what_is_collected() -> None:
    flood = Emergency("flood", ["42.01.12"], NOW - timedelta(days=9))
    virus = Emergency("virus", ["42.01.12.013", "42.01.13"], NOW)
    found = emergencies.over([virus, flood], "42.01.12.013.001")
    assert found is virus
    assert emergencies.over([virus, flood], "42.01.12.0131") is flood
    assert emergencies.over([virus, flood], "42.01.14") is None


@pytest.mark.feature("R17")
def test_an_emergency_grows_by_areas() -> None:
    assert emergencies.extended(["42.01.12.013"], ["42.01.12.014.001", "42.01.12.014"]) == (
        "42.01.12",
        ["42.01.12.013", "42.01.12.014"],
    )


@pytest.mark.feature("R4")
def test_a_consent_ends_within_the_policys_bound() -> None:
    assert in_bounds(NOW + timedelta(days=30), NOW, 30)
    assert not in_bounds(NOW + timedelta(days=31), NOW, 30)
    assert not in_bounds(NOW, NOW, 30)
