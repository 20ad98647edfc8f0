"""Every kind of policy: its values, their bounds and defaults. ``docs/policies.md`` is generated from this.

Figures of rules.md that differ between places are policy with that figure as default, never a constant in code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.problems import Text


class Values(BaseModel):
    """Base of a kind's values; every value has a default, an unknown name is refused."""

    model_config = ConfigDict(extra="forbid")


class RoundValues(Values):
    lead_days: int = Field(
        1, ge=0, le=30, description="Days from sending a purchase to its delivery | 从下单到送达的天数"
    )
    confirm_seconds: int = Field(
        14_400, ge=1, le=604_800, description="How long a store may take to confirm | 商家确认时限（秒）"
    )
    max_line_qty: int = Field(99, ge=1, le=999, description="Most units of one item in an order | 单品每单上限")
    unpaid_at_lock: Literal["include", "drop"] = Field(
        "include", description="What becomes of unpaid orders at the lock | 锁单时未付款订单的处理"
    )


class QuotaValues(Values):
    days_between_orders: int = Field(
        0, ge=0, le=366, description="Days between two orders of a household; 0 = no limit | 每户两次下单的间隔天数"
    )


class WeightValues(Values):
    by_class: list[Annotated[int, Field(ge=1, le=100)]] = Field(
        [1, 2, 3, 4],
        min_length=1,
        max_length=4,
        description="Weight of priority classes 0 to 3; never falls as need rises | 各优先等级的权重",
    )
    sealed_building: int = Field(
        1, ge=0, le=100, description="What a locked-down building adds to the weight | 封控楼栋附加权重"
    )
    deficit_days: int = Field(30, ge=0, le=400, description="Days for which earlier cuts count | 历史短缺计入天数")

    @model_validator(mode="after")
    def _never_falls(self) -> Self:
        if self.by_class != sorted(self.by_class):
            raise ValueError("权重不得随需要上升而下降。|Weights never fall as need rises.")
        return self


class CallbackValues(Values):
    callback_minutes: int = Field(
        1_440,
        ge=1,
        le=20_160,
        description="How long a call may wait; then what is open is refunded | 回访电话时限（分钟）, 逾期退款",
    )


class HouseholdValues(Values):
    consent_days: int = Field(366, ge=1, le=1_000, description="Longest proxy consent in days | 代办同意最长天数")
    code_tries: int = Field(
        10,
        ge=1,
        le=50,
        description="Wrong codes for one household before only a person can confirm | 每户认领码可试次数",
    )
    code_tries_daily: int = Field(
        5, ge=1, le=50, description="Wrong codes of one person in a day | 每人每日认领码可试次数"
    )
    claims_by_code: int = Field(6, ge=1, le=20, description="People who may use one household's code | 每码可认领人数")


@dataclass(frozen=True)
class PolicyKind:
    """What a kind decides, who reads it, and its values."""

    summary: Text
    values: type[Values]


KINDS: Mapping[str, PolicyKind] = {
    "orders.round": PolicyKind(("团购轮次", "How rounds and purchases run; pinned when a round opens"), RoundValues),
    "orders.quota": PolicyKind(("每户限购", "How often a household may order; pinned when a round opens"), QuotaValues),
    "shortage.weights": PolicyKind(
        ("短缺分配权重", "How a shortage is shared out; pinned when a round opens"), WeightValues
    ),
    "orders.callbacks": PolicyKind(
        ("回访电话", "How long calls to households may wait; pinned when a round opens"), CallbackValues
    ),
    "registry.households": PolicyKind(
        ("住户认领与代办同意", "Claims on households and proxy consents"), HouseholdValues
    ),
}

KindName = Literal["orders.round", "orders.quota", "shortage.weights", "orders.callbacks", "registry.households"]


def described(kind: str) -> list[dict[str, Any]]:
    """Per value: name, default, bounds and what it means, for the generated document."""
    schema = KINDS[kind].values.model_json_schema()
    bounds = ("minimum", "maximum", "enum", "minItems", "maxItems")
    return [
        {
            "name": name,
            "default": field["default"],
            "bounds": {key: field[key] for key in bounds if key in field},
            "description": field["description"],
        }
        for name, field in schema["properties"].items()
    ]
