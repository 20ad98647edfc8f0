"""What goes in and out of rounds."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field

from shared.areas import AreaPath
from shared.money import Money
from shared.pagination import Page
from shared.web import Body, Public, Transition

State = Literal["draft", "open", "late_entry", "closed", "confirmed", "arrived", "completed", "cancelled"]
MinimumRule = Literal["cancel", "extend", "send"]
Handover = Literal["gate", "door"]
Count = Annotated[int, Field(ge=0, le=100_000)]
Minutes = Annotated[int, Field(ge=0, le=14 * 1440)]


class RoundCreate(Body):
    """opens_at < cut_off_at ≤ late_entry_until ≤ the purchase's send_at. It opens by itself at ``opens_at``."""

    id: UUID | None = None
    purchase_id: UUID
    area: AreaPath
    opens_at: AwareDatetime
    cut_off_at: AwareDatetime
    late_entry_until: AwareDatetime
    minimum_orders: Count = 0
    minimum_rule: MinimumRule = "send"
    extend_minutes: Minutes = 0
    capacity_orders: Annotated[int, Field(ge=1, le=100_000)] | None = None
    handover_default: Handover = "gate"
    reopened_from: UUID | None = None


class RoundUpdate(Body):
    opens_at: AwareDatetime | None = None
    cut_off_at: AwareDatetime | None = None
    late_entry_until: AwareDatetime | None = None
    minimum_orders: Count | None = None
    minimum_rule: MinimumRule | None = None
    extend_minutes: Minutes | None = None
    capacity_orders: Annotated[int, Field(ge=1, le=100_000)] | None = None
    handover_default: Handover | None = None


class RoundExtend(Transition):
    cut_off_at: AwareDatetime
    late_entry_until: AwareDatetime


class RoundCancel(Transition):
    reason_code: Literal["goods_unavailable", "community_request", "mistake", "emergency", "other"] = "other"


class PolicySource(Public):
    kind: str
    id: UUID
    version: int
    area: str


class PinnedPolicy(Public):
    """The values in force when the round opened, and the policies they came from; what is not named is our default."""

    model_config = ConfigDict(json_schema_extra={"required": ["values", "sources"]})

    values: dict[str, Any]
    sources: list[PolicySource]


class RoundSummary(Public):
    id: UUID
    version: int
    area: str
    code: str
    purchase_id: UUID
    store_id: UUID
    state: State
    reason: str | None
    opens_at: AwareDatetime
    cut_off_at: AwareDatetime
    late_entry_until: AwareDatetime
    minimum_orders: int
    minimum_rule: MinimumRule
    extend_minutes: int
    extended: bool
    capacity_orders: int | None
    handover_default: Handover
    reopened_from: UUID | None
    created_at: AwareDatetime


class Offer(Public):
    """An item of the round with its pinned price and what is left of it for all communities of the purchase."""

    item_id: UUID
    kind: Literal["item", "package"]
    name: str
    unit: str
    weight_g: int
    storage: Literal["normal", "chilled", "frozen"]
    price: Money
    left: int
    ration: Annotated[int | None, Field(description="Most units per household and round.")]


class RoundPublic(RoundSummary):
    """``expand=offers`` adds what is sold, ``expand=allowed_actions`` what may be done in this state."""

    policy: PinnedPolicy
    close_reason: str | None
    opened_at: AwareDatetime | None
    closed_at: AwareDatetime | None
    cancelled_at: AwareDatetime | None
    completed_at: AwareDatetime | None
    offers: list[Offer] | None = None
    allowed_actions: list[str] | None = None


class RoundPage(Page):
    items: list[RoundSummary]


class DemandItem(Public):
    item_id: UUID
    name: str
    unit: str
    ordered: int
    orders: int


class RoundDemand(Public):
    """Live: what the community has ordered so far, without saying who."""

    round_id: UUID
    as_of: AwareDatetime
    items: list[DemandItem]


class RoundProgress(Public):
    """Counters apart from the round's version."""

    round_id: UUID
    as_of: AwareDatetime
    orders: int
    minimum_orders: int
    minimum_met: bool
    capacity_left: int | None
    orders_by_state: dict[str, int]
    parcels_by_state: dict[str, int]
