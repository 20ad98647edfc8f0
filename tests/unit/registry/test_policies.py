"""Which policy counts, and what each kind lets (R15)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from services.registry.policies import domain
from services.registry.policies.kinds import KINDS, described

NOW = datetime(2020, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
STREET, COMMUNITY = "42.01.12.013", "42.01.12.013.001"


@dataclass(frozen=True)
class Policy:
    name: str
    area: str
    valid_from: datetime = NOW - DAY
    valid_until: datetime | None = None
    created_at: datetime = NOW


def counts(policies: list[Policy], area: str) -> str | None:
    found = domain.effective(policies, area, NOW)
    return found.name if found else None


@pytest.mark.feature("R15")
def test_the_nearest_area_wins_over_a_later_one_above() -> None:
    policies = [Policy("community", COMMUNITY, NOW - 3 * DAY), Policy("street", STREET)]
    assert counts(policies, f"{COMMUNITY}.c01") == "community"
    assert counts(policies, "42.01.12.013.002") == "street"
    assert counts(policies, "42.01.12.014") is None


@pytest.mark.feature("R15")
def test_of_one_area_the_one_in_force_that_began_last() -> None:
    policies = [
        Policy("old", STREET, NOW - 3 * DAY),
        Policy("present", STREET, NOW - 2 * DAY),
        Policy("over", STREET, NOW - DAY, NOW),
        Policy("future", STREET, NOW + DAY),
    ]
    assert counts(policies, STREET) == "present"


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_has_a_default_and_is_described(kind: str) -> None:
    assert KINDS[kind].values().model_dump().keys() == {one["name"] for one in described(kind)}
    assert all(" | " in one["description"] for one in described(kind))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("orders.quota", {"days_between_orders": -1}),
        ("orders.quota", {"days": 7}),
        ("orders.round", {"unpaid_at_lock": "perhaps"}),
        ("shortage.weights", {"by_class": [4, 1]}),
        ("shortage.weights", {"by_class": []}),
    ],
)
def test_values_out_of_bounds_are_refused(kind: str, values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        KINDS[kind].values.model_validate(values)
