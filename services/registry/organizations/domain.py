"""Which identifier an organization of each kind carries (rules.md §3): registered bodies a USCC with both check digits,
filed community organizations a filing number, informal groups neither."""

from collections.abc import Mapping
from typing import Literal

from shared.machine import Machine

ORGANIZATION = Machine("organization", {"active": {"close": "closed"}, "closed": {}})

Kind = Literal[
    "residents_committee", "villagers_committee", "street_office", "property_company", "social_organization", "cso",
    "informal_group", "store", "pharmacy", "resident_unit",
]  # fmt: skip

Need = Literal["required", "optional", "none"]

IDENTIFIERS: Mapping[str, tuple[Need, Need]] = {
    "residents_committee": ("optional", "none"),
    "villagers_committee": ("optional", "none"),
    "street_office": ("optional", "none"),
    "property_company": ("required", "none"),
    "social_organization": ("required", "none"),
    "cso": ("none", "required"),
    "informal_group": ("none", "none"),
    "store": ("required", "none"),
    "pharmacy": ("required", "none"),
    "resident_unit": ("optional", "none"),
}
"""Kind → (USCC, filing number)."""


def wrong_identifier(kind: str, uscc: str | None, filing_no: str | None) -> tuple[str, str] | None:
    """(field, code) of the first identifier that does not fit the kind; None when both do."""
    for field, value, need in zip(("uscc", "filing_no"), (uscc, filing_no), IDENTIFIERS[kind], strict=True):
        if need == "required" and value is None:
            return field, "required"
        if need == "none" and value is not None:
            return field, "not_for_this_kind"
    return None
