"""The resident's home: orders, shortages with reasons, what is owed with which memo, the number at the gate."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter

from services.gateway.notifications.schemas import NotificationPublic
from services.gateway.views.parts import Asker
from services.gateway.views.schemas import (
    HomeHousehold,
    HomeMoney,
    HomeOrder,
    HomeParcel,
    HomeShortage,
    PartName,
    ResidentHome,
    ViewPart,
)
from shared.areas import Level, up_to
from shared.clock import now
from shared.problems import Problem

ORDERS = TypeAdapter(list[HomeOrder])
SHORTAGES = TypeAdapter(list[HomeShortage])
PARCELS = TypeAdapter(list[HomeParcel])
LATEST = ("limit", "50")


@dataclass(frozen=True)
class Home:
    """One of the caller's own households, as the gateway's copy has it."""

    id: UUID
    area: str
    notify: str


async def resident_home(asker: Asker, homes: Sequence[Home], told: list[NotificationPublic]) -> ResidentHome:
    """Asks registry and orders side by side; what was told is the gateway's own."""
    if not homes:
        return _without_home(told)
    mine = [("household_id", str(home.id)) for home in homes]
    newest = [*mine, ("sort", "placed_at_desc"), ("expand", "lines"), LATEST]
    household, community, orders, shortages, money, parcels = await asyncio.gather(
        asker.part("household", lambda: _doors(asker, homes)),
        asker.part("community", lambda: _communities(asker, homes)),
        asker.part("orders", lambda: asker.items("orders", "/v1/orders", newest, ORDERS)),
        asker.part("shortages", lambda: asker.items("orders", "/v1/shortages", [*mine, LATEST], SHORTAGES)),
        asker.part("money", lambda: _money(asker, homes)),
        asker.part("parcels", lambda: asker.items("orders", "/v1/parcels", [*mine, LATEST], PARCELS)),
    )
    parts = [part.shown() for part in (household, community, orders, shortages, money, parcels)]
    return ResidentHome(
        partial=any(part.state != "ok" for part in parts),
        parts=[*parts, _own("notifications")],
        households=[_household(home, household.value or {}, community.value or {}) for home in homes],
        orders=orders.value,
        shortages=shortages.value,
        money=money.value,
        parcels=parcels.value,
        notifications=told,
    )


def _without_home(told: list[NotificationPublic]) -> ResidentHome:
    return ResidentHome(
        partial=False,
        parts=[_own("notifications")],
        households=[],
        orders=[],
        shortages=[],
        money=[],
        parcels=[],
        notifications=told,
    )


def _own(name: PartName) -> ViewPart:
    return ViewPart(name=name, state="ok", as_of=now())


async def _doors(asker: Asker, homes: Sequence[Home]) -> dict[UUID, str | None]:
    """The masked doors, by household."""
    document = await asker.get("registry", "/v1/households", [("id", str(home.id)) for home in homes])
    return {UUID(item["id"]): item["door"] for item in document["items"]}


async def _communities(asker: Asker, homes: Sequence[Home]) -> dict[str, str]:
    """The names of the communities, by area."""
    areas = sorted({area for home in homes if (area := up_to(home.area, Level.COMMUNITY))})
    params = [*(("area", area) for area in areas), ("kind", "community")]
    document = await asker.get("registry", "/v1/places", params)
    return {item["area"]: item["name"] for item in document["items"]}


async def _money(asker: Asker, homes: Sequence[Home]) -> list[HomeMoney]:
    return [one for one in await asyncio.gather(*(_statement(asker, home.id) for home in homes)) if one]


async def _statement(asker: Asker, household_id: UUID) -> HomeMoney | None:
    """A household that has never ordered has no statement."""
    try:
        document: dict[str, Any] = await asker.get("orders", f"/v1/statements/{household_id}")
    except Problem as problem:
        if problem.code == "not_found":
            return None
        raise
    return HomeMoney.model_validate(document)


def _household(home: Home, doors: dict[UUID, str | None], communities: dict[str, str]) -> HomeHousehold:
    community = up_to(home.area, Level.COMMUNITY)
    return HomeHousehold(
        household_id=home.id,
        area=home.area,
        door=doors.get(home.id),
        notify=home.notify,
        community_area=community,
        community_name=communities.get(community or ""),
    )
