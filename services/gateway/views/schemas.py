"""What a resident sees on one screen. A part that could not be had is null, and named in ``parts``."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import ConfigDict
from pydantic.config import JsonDict

from services.gateway.notifications.schemas import NotificationPublic
from shared.money import Money
from shared.web import Public

PartName = Literal["household", "community", "orders", "shortages", "money", "parcels", "notifications"]
PartState = Literal["ok", "stale", "unavailable"]

_FEN: JsonDict = {"amount_fen": 7000, "currency": "CNY"}
_NOTHING: JsonDict = {"amount_fen": 0, "currency": "CNY"}
EXAMPLE: JsonDict = {
    "partial": True,
    "parts": [
        {"name": "orders", "state": "ok", "as_of": "2020-02-18T02:00:00.000Z"},
        {"name": "parcels", "state": "unavailable", "as_of": None},
    ],
    "households": [
        {
            "household_id": "0195c2a0-0000-7000-8000-000000000041",
            "area": "42.01.12.013.001.c01.b08.e1",
            "door": "****",
            "notify": "inbox",
            "community_area": "42.01.12.013.001",
            "community_name": "常青花园第一社区",
        }
    ],
    "orders": [],
    "shortages": [],
    "money": [
        {
            "household_id": "0195c2a0-0000-7000-8000-000000000041",
            "outstanding": _FEN,
            "refund_due": _NOTHING,
            "orders": [
                {
                    "order_id": "0195c2a0-0000-7000-8000-000000000051",
                    "memo": "10234",
                    "owed": _FEN,
                    "collected": _NOTHING,
                    "outstanding": _FEN,
                    "refund_due": _NOTHING,
                    "refunded": _NOTHING,
                }
            ],
        }
    ],
    "parcels": None,
    "notifications": [],
}


class ViewPart(Public):
    """One owner's share of the view; ``as_of`` is when it was asked."""

    name: PartName
    state: PartState
    as_of: datetime | None


class HomeHousehold(Public):
    """A household of one's own; money is owed to its community, which pays the store."""

    household_id: UUID
    area: str
    door: str | None
    notify: str | None
    community_area: str | None
    community_name: str | None


class HomeOrderLine(Public):
    """What was asked for and what is given."""

    id: UUID
    item_id: UUID
    requested: int
    allocated: int | None
    handed_over: int | None
    refunded: int
    unit_price: Money
    substitute_for: UUID | None


class HomeOrder(Public):
    """One order, newest first."""

    id: UUID
    version: int
    code: str
    household_id: UUID
    round_id: UUID
    purchase_id: UUID
    state: str
    reason: str | None
    handover: str
    placed_at: datetime
    lines: list[HomeOrderLine]


class HomeShortage(Public):
    """Why the household gets less than it asked for."""

    id: UUID
    household_id: UUID
    order_id: UUID
    purchase_id: UUID
    reason: str
    zh: str
    en: str
    created_at: datetime


class HomeOrderMoney(Public):
    """What is to be paid with which memo, and what comes back."""

    order_id: UUID
    memo: str
    owed: Money
    collected: Money
    outstanding: Money
    refund_due: Money
    refunded: Money


class HomeMoney(Public):
    """A household's account with its group buys."""

    household_id: UUID
    outstanding: Money
    refund_due: Money
    orders: list[HomeOrderMoney]


class HomeParcel(Public):
    """The bags of one order: their number at the gate, and whether it was called."""

    id: UUID
    order_id: UUID
    household_id: UUID
    state: str
    bags: int
    gate_number: int | None
    called_at: datetime | None
    collected_at: datetime | None
    recalled: bool


class ResidentHome(Public):
    """Everything that concerns one's own households now."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    partial: bool
    parts: list[ViewPart]
    households: list[HomeHousehold]
    orders: list[HomeOrder] | None
    shortages: list[HomeShortage] | None
    money: list[HomeMoney] | None
    parcels: list[HomeParcel] | None
    notifications: list[NotificationPublic]
