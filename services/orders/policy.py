"""Policy of the street and the community as orders uses it: registry's values by kind, with defaults for what is unset.

Kinds: ``orders.round`` (lead_days, confirm_seconds, max_line_qty, unpaid_at_lock), ``orders.quota``
(days_between_orders), ``shortage.weights`` (by_class, sealed_building, deficit_days) and ``orders.callbacks``
(callback_minutes). The values in force when a round opens are pinned on it, with their version.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from sqlalchemy.ext.asyncio import AsyncSession

from services.orders.copies import policies_for

log = structlog.get_logger()


class RoundValues(BaseModel):
    """``orders.round``. ``lead_days``: days from the day a purchase is sent to its delivery (rules.md §4: one day
    ahead). ``confirm_seconds``: how long a store may take before it is asked again. ``unpaid_at_lock``: what becomes of
    an order that is not paid when its round closes.
    """

    model_config = ConfigDict(extra="ignore")

    lead_days: int = Field(default=1, ge=0, le=30)
    confirm_seconds: int = Field(default=4 * 3600, ge=1, le=7 * 86_400)
    max_line_qty: int = Field(default=99, ge=1, le=999)
    unpaid_at_lock: Literal["include", "drop"] = "include"


class QuotaValues(BaseModel):
    """``orders.quota``. ``days_between_orders``: a household's orders must be that far apart; 0 = no limit."""

    model_config = ConfigDict(extra="ignore")

    days_between_orders: int = Field(default=0, ge=0, le=366)


class ShortageValues(BaseModel):
    """``shortage.weights``: how a shortage is shared out (``allocation/domain.py``). ``by_class``: the weight of each
    priority class from 0 (none) up, never falling; ``sealed_building``: added while the building is locked down;
    ``deficit_days``: how long it counts that a household went short.
    """

    model_config = ConfigDict(extra="ignore")

    by_class: list[Annotated[int, Field(ge=1, le=100)]] = Field(default=[1, 2, 3, 4], min_length=1, max_length=10)
    sealed_building: int = Field(default=1, ge=0, le=100)
    deficit_days: int = Field(default=30, ge=0, le=400)

    @field_validator("by_class")
    @classmethod
    def _rises(cls, weights: list[int]) -> list[int]:
        if weights != sorted(weights):
            raise ValueError("a weight never falls as need rises")
        return weights


class CallbackValues(BaseModel):
    """``orders.callbacks``. ``callback_minutes``: how long a call may wait; then what is open is refunded."""

    model_config = ConfigDict(extra="ignore")

    callback_minutes: int = Field(default=24 * 60, ge=1, le=14 * 24 * 60)


SHORTAGE = "shortage.weights"
KINDS: dict[str, type[BaseModel]] = {
    "orders.round": RoundValues,
    "orders.quota": QuotaValues,
    SHORTAGE: ShortageValues,
    "orders.callbacks": CallbackValues,
}


class Policy(RoundValues, QuotaValues, ShortageValues, CallbackValues):
    """All values that orders knows."""


def of_pinned(pinned: dict[str, Any]) -> Policy:
    """The policy that was pinned; defaults for a round that has not opened."""
    return Policy.model_validate(pinned.get("values", {}))


async def in_force(db: AsyncSession, area: str, now: datetime) -> dict[str, Any]:
    """{"values", "sources": [{kind, id, version, area}]} for an area: of each kind the nearest area's."""
    found = await policies_for(db, area, list(KINDS), now)
    values: dict[str, Any] = {}
    sources = []
    for kind, model in KINDS.items():
        policy = found.get(kind)
        values |= _checked(model, policy["values"] if policy else {}).model_dump()
        if policy:
            sources.append({"kind": kind, "id": policy["id"], "version": policy["version"], "area": policy["area"]})
    return {"values": values, "sources": sources}


def _checked(model: type[BaseModel], values: dict[str, Any]) -> BaseModel:
    """The values by their model; a value that makes no sense counts as unset."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        wrong = {str(one["loc"][0]) for one in error.errors() if one["loc"]}
        log.warning("policy_value_ignored", names=sorted(wrong))
        return model.model_validate({name: value for name, value in values.items() if name not in wrong})
