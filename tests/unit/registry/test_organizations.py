"""Which identifier an organization carries (R5)."""

import pytest

from services.registry.organizations import domain

USCC = "91350100M000100Y43"


@pytest.mark.feature("R5")
@pytest.mark.parametrize(
    ("kind", "uscc", "filing_no", "wrong"),
    [
        ("store", USCC, None, None),
        ("store", None, None, ("uscc", "required")),
        ("store", USCC, "1", ("filing_no", "not_for_this_kind")),
        ("cso", None, "420112-2020-001", None),
        ("cso", None, None, ("filing_no", "required")),
        ("cso", USCC, "420112-2020-001", ("uscc", "not_for_this_kind")),
        ("informal_group", None, None, None),
        ("informal_group", USCC, None, ("uscc", "not_for_this_kind")),
        ("residents_committee", USCC, None, None),
        ("residents_committee", None, None, None),
    ],
)
def test_each_kind_has_its_identifier(
    kind: str, uscc: str | None, filing_no: str | None, wrong: tuple[str, str] | None
) -> None:
    assert domain.wrong_identifier(kind, uscc, filing_no) == wrong
