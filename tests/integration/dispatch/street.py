"""A street with two communities, its neighbor, its officials, and people who want to help."""

import itertools
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid5

import httpx
from sqlalchemy import text

from services.dispatch.subscriptions import SUBSCRIPTIONS
from shared.auth import Grant, Principal
from shared.clock import now, shanghai_date
from shared.contracts import registry
from shared.contracts.base import Contract, Event, Topic, identity
from shared.ids import new_id
from tests.integration.service import Running, person

STREET, FIRST, SECOND = "42.01.12.013", "42.01.12.013.001", "42.01.12.013.002"
OTHER_STREET, ELSEWHERE = "42.01.12.014", "42.01.12.014.001"
PLACES = {
    STREET: "常青花园",
    FIRST: "一社区",
    SECOND: "二社区",
    OTHER_STREET: "将军路街",
    ELSEWHERE: "新春社区",
}
TOPICS: dict[type[Contract], Topic] = {
    registry.PlaceV1: registry.PLACE,
    registry.EmergencyV1: registry.EMERGENCY,
    registry.OrganizationV1: registry.ORGANIZATION,
}
_numbers = itertools.count(1)


def place(area: str, name: str, abolished_on: date | None = None) -> registry.PlaceV1:
    return registry.PlaceV1(
        id=uuid5(UUID(int=1), area),
        version=2 if abolished_on else 1,
        area=area,
        kind="community",
        name=name,
        code=None,
        parent_id=None,
        state="open",
        state_notice_id=None,
        abolished_on=abolished_on,
    )


def emergency(*areas: str, id: UUID | None = None, closed: bool = False) -> registry.EmergencyV1:
    return registry.EmergencyV1(
        id=id or new_id(),
        version=2 if closed else 1,
        area=areas[0],
        areas=list(areas),
        title="封闭管理",
        legal_basis="传染病防治法",
        notice_id=None,
        from_at=now(),
        closed_at=now() if closed else None,
        state="closed" if closed else "active",
    )


def organization(state: str = "active") -> registry.OrganizationV1:
    return registry.OrganizationV1(
        id=new_id(), version=1, area=STREET, kind="cso", name="邻里互助社", uscc=None, filing_no=None, state=state
    )


def event_of(state: Contract, event_type: str, topic: Topic | None = None) -> Event:
    topic = topic or TOPICS[type(state)]
    named = identity(state)
    body = state.to_json().decode()
    return Event(new_id(), event_type, topic.name, named.id, named.version, now(), now(), None, None, state, body)


async def hear(service: Running, event: Event) -> None:
    """What the worker does with an event: copies and effects in one transaction."""
    async with service.worker.transaction() as db:
        for one in SUBSCRIPTIONS:
            if one.topic.name == event.topic and one.wants(event.type):
                handler: Any = one.handler
                await (handler(db, [event]) if one.kind == "copy" else handler(db, event))


async def know(service: Running, *states: Contract) -> None:
    """Copies take these states in."""
    for state in states:
        resource = TOPICS[type(state)].resource
        await hear(service, event_of(state, f"{resource}.created"))


def official(area: str = STREET) -> Principal:
    return person(Grant("street_official", area=area))


def worker(area: str = FIRST) -> Principal:
    return person(Grant("community_worker", area=area))


def resident_id(born: date = date(1985, 3, 7)) -> str:
    """Another valid identity number for every call."""
    first = f"420112{born:%Y%m%d}{next(_numbers) % 1000:03}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return first + "10X98765432"[sum(int(d) * w for d, w in zip(first, weights, strict=True)) % 11]


def years_ago(years: int, days: int = 0) -> date:
    today = shanghai_date(now())
    return today.replace(year=today.year - years) + timedelta(days=days)


def call_body(**fields: Any) -> dict[str, Any]:
    today = shanghai_date(now())
    return {
        "areas": [FIRST, SECOND],
        "title": "社区志愿者招募",
        "content": "卸货、分拣、门岗秩序。",
        "skills": ["sorting"],
        "starts_on": today.isoformat(),
        "ends_on": (today + timedelta(days=30)).isoformat(),
        "service_hours": "每天 8:00–18:00",
        "conditions": "身体健康。",
        "wanted": 100,
        "how_to_apply": "在本应用内报名。",
        "risks": "与居民接触, 有感染风险。",
        "protection": "发放口罩、手套、防护服。",
    } | fields


def sign_up_body(call_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "recruitment_call_id": call_id,
        "name": "王芳",
        "phone": f"138{next(_numbers):08}",
        "id_number": resident_id(),
        "home_area": FIRST,
        "skills": ["sorting", "driving"],
        "availability": [{"weekday": 6, "from_time": "08:00", "until_time": "12:00"}],
        "carrying_capacity_kg": 20,
        "health": {"fit_to_serve": True, "symptoms": False, "contact_with_case": False},
        "risks_read": True,
        "consent": True,
    } | fields


def answered(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The body of an answer that must have this status."""
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def published(service: Running, who: Principal | None = None, **fields: Any) -> dict[str, Any]:
    """A call that takes sign-ups."""
    client = service.client(who or official())
    made = answered(await client.post("/v1/recruitment-calls", json=call_body(**fields)), 201)
    return answered(await client.post(f"/v1/recruitment-calls/{made['id']}/publish", json={}), 200)


async def signed_up(service: Running, call_id: str, who: Principal | None = None, **fields: Any) -> dict[str, Any]:
    """Somebody signs up."""
    client = service.client(who or person())
    return answered(await client.post("/v1/sign-ups", json=sign_up_body(call_id, **fields)), 201)


async def happened(service: Running, key: str | UUID) -> list[str]:
    """The types of events that were recorded of one thing, in their order."""
    async with service.worker.transaction() as db:
        rows = await db.execute(text("SELECT type FROM outbox WHERE key = :key ORDER BY seq"), {"key": str(key)})
        return list(rows.scalars())


async def count(service: Running, table: str) -> int:
    async with service.worker.transaction() as db:
        found: int = (await db.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()
        return found
