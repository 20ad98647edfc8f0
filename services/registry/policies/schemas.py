"""Policies over HTTP."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field

from services.registry.policies.kinds import KindName
from shared.areas import AreaPath
from shared.pagination import Page
from shared.web import Body, Public


class PolicyCreate(Body):
    """Values of one kind for an area, from now unless ``valid_from`` says otherwise. What is left out has the kind's
    default; the names of each kind are in docs/policies.md."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"area": "42.01.12.013", "kind": "orders.quota", "values": {"days_between_orders": 7}}
        }
    )

    id: UUID | None = None
    area: AreaPath
    kind: KindName
    values: dict[str, Any] = Field(max_length=20)
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None


class PolicyPublic(Public):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "0195c2a0-0000-7000-8000-000000000071",
                "version": 1,
                "area": "42.01.12.013",
                "kind": "orders.quota",
                "values": {"days_between_orders": 7},
                "valid_from": "2020-02-12T02:00:00.000Z",
                "valid_until": None,
                "state": "active",
                "created_at": "2020-02-12T02:00:00.000Z",
            }
        }
    )

    id: UUID
    version: int
    area: str
    kind: str
    values: dict[str, Any]
    valid_from: datetime
    valid_until: datetime | None
    state: Literal["active", "ended"]
    created_at: datetime


class PolicyPage(Page):
    items: list[PolicyPublic]


class EffectivePolicy(Public):
    """What counts in an area at a moment; ``policy`` is null where the defaults count."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"kind": "orders.quota", "values": {"days_between_orders": 0}, "policy": None}}
    )

    kind: str
    values: dict[str, Any]
    policy: PolicyPublic | None


class EffectivePolicies(Public):
    items: list[EffectivePolicy]
