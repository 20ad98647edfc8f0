"""The resident's home: the owners are asked side by side, a missing part is named (feature G6, promise GW4)."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from services.gateway.service import SERVICE
from shared.bus.copies import copy_into
from shared.clock import now
from shared.contracts import registry
from shared.contracts.base import Event
from shared.ids import new_id
from tests.engines import SharedEngines
from tests.integration.gateway.stubs import serving
from tests.integration.service import Running, person, provisioned, running

pytestmark = pytest.mark.feature("G6")
HOUSE = "42.01.12.013.001.c01.b08.e1"
RESIDENT, HOME, ORDER = new_id(), new_id(), new_id()
FEN = {"amount_fen": 7000, "currency": "CNY"}
NOTHING = {"amount_fen": 0, "currency": "CNY"}
MOMENT = "2020-02-18T02:00:00.000Z"
ACCOUNT = {"owed": FEN, "collected": NOTHING, "outstanding": FEN, "refund_due": NOTHING, "refunded": NOTHING}

ANSWERS: dict[str, Any] = {
    "/v1/households": {"items": [{"id": str(HOME), "door": "****"}]},
    "/v1/places": {"items": [{"area": "42.01.12.013.001", "name": "第一社区"}]},
    "/v1/orders": {
        "items": [
            {
                "id": str(ORDER),
                "version": 3,
                "code": "10234",
                "household_id": str(HOME),
                "round_id": str(new_id()),
                "purchase_id": str(new_id()),
                "state": "locked",
                "reason": None,
                "handover": "gate",
                "placed_at": MOMENT,
                "lines": [],
                "something_new": 1,
            }
        ]
    },
    "/v1/shortages": {
        "items": [
            {
                "id": str(new_id()),
                "household_id": str(HOME),
                "order_id": str(ORDER),
                "purchase_id": str(new_id()),
                "reason": "confirmed_short",
                "zh": "少一份",
                "en": "one less",
                "created_at": MOMENT,
            }
        ]
    },
    f"/v1/statements/{HOME}": {
        "household_id": str(HOME),
        "outstanding": FEN,
        "refund_due": NOTHING,
        "orders": [{"order_id": str(ORDER), "memo": "10234", **ACCOUNT}],
    },
    "/v1/parcels": {
        "items": [
            {
                "id": str(new_id()),
                "order_id": str(ORDER),
                "household_id": str(HOME),
                "state": "at_gate",
                "bags": 2,
                "gate_number": 17,
                "called_at": MOMENT,
                "collected_at": None,
                "recalled": False,
            }
        ]
    },
}


@pytest.fixture(scope="module")
def environment(engines: SharedEngines) -> Iterator[None]:
    with provisioned("gateway", engines):
        yield


@asynccontextmanager
async def gateway_with(
    monkeypatch: pytest.MonkeyPatch, orders_answer: Any = None, orders_down: bool = False
) -> AsyncIterator[tuple[Running, list[web.Request]]]:
    async with serving() as stub:

        async def answer(request: web.Request) -> web.StreamResponse:
            if orders_answer is not None and not request.path.startswith(("/v1/households", "/v1/places")):
                made: web.StreamResponse = await orders_answer(request)
                return made
            document = ANSWERS.get(request.path)
            return web.json_response(document or {}, status=200 if document else 404)

        stub.handler = answer
        monkeypatch.setenv("LINLI_GATEWAY_REGISTRY_URL", stub.url)
        monkeypatch.setenv("LINLI_GATEWAY_ORDERS_URL", "http://127.0.0.1:9" if orders_down else stub.url)
        async with running(SERVICE) as gateway:
            await know(gateway, HOME, RESIDENT)
            yield gateway, stub.calls


async def know(gateway: Running, home: UUID, resident: UUID) -> None:
    state = registry.HouseholdV1(
        id=home,
        version=1,
        area=HOUSE,
        priority_class=0,
        claims=[registry.ClaimV1(person_id=resident, state="confirmed")],
        consents=[],
        notify="inbox",
        merged_into=None,
        state="active",
    )
    event = Event(
        new_id(), "household.created", registry.HOUSEHOLD.name, home, 1, now(), now(), None, None, state,
        state.to_json().decode(),
    )  # fmt: skip
    async with gateway.worker.transaction() as db:
        await copy_into("household_copies")(db, [event])


async def test_everything_at_a_glance(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    async with gateway_with(monkeypatch) as (gateway, calls):
        answer = await gateway.client(person(id=RESIDENT)).get("/v1/views/resident-home")
        assert answer.status_code == 200, answer.text
        view = answer.json()
    assert view["partial"] is False
    assert {part["state"] for part in view["parts"]} == {"ok"}
    assert view["households"][0]["community_name"] == "第一社区"
    assert view["money"][0]["orders"][0]["memo"] == view["orders"][0]["code"] == "10234"
    assert (view["parcels"][0]["gate_number"], view["parcels"][0]["called_at"]) == (17, MOMENT)
    assert view["shortages"][0]["zh"] == "少一份"
    assert "something_new" not in view["orders"][0]
    assert {call.headers["Authorization"][:7] for call in calls} == {"Bearer "}
    assert all(call.query.get("household_id", str(HOME)) == str(HOME) for call in calls)


@pytest.mark.promise("GW4")
async def test_a_service_that_is_down_is_named(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    async with gateway_with(monkeypatch, orders_down=True) as (gateway, _):
        answer = await gateway.client(person(id=RESIDENT)).get("/v1/views/resident-home")
        assert answer.status_code == 200
        view = answer.json()
    assert view["partial"] is True
    missing = {part["name"] for part in view["parts"] if part["state"] == "unavailable"}
    assert missing == {"orders", "shortages", "money", "parcels"}
    assert all(view[name] is None for name in missing)
    assert view["households"][0]["door"] == "****"
    assert view["notifications"] == []


@pytest.mark.promise("GW4")
@pytest.mark.parametrize("kind", ["slow", "broken", "nonsense", "not_json"])
async def test_slow_broken_and_nonsense_answers_are_missing_parts(
    environment: None, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    async def misbehave(request: web.Request) -> web.StreamResponse:
        if kind == "slow":
            await asyncio.sleep(30)
        if kind == "not_json":
            return web.Response(text="<html>")
        return web.json_response({"items": [{"id": 1}]}, status=503 if kind == "broken" else 200)

    async with gateway_with(monkeypatch, misbehave) as (gateway, _):
        answer = await gateway.client(person(id=RESIDENT)).get("/v1/views/resident-home")
        assert answer.status_code == 200
    assert answer.json()["partial"] is True
    assert answer.json()["orders"] is None


async def test_strangers_and_households_of_others(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    async with gateway_with(monkeypatch) as (gateway, calls):
        stranger = gateway.client(person())
        view = (await stranger.get("/v1/views/resident-home")).json()
        assert (view["partial"], view["households"], view["orders"]) == (False, [], [])
        assert (await stranger.get("/v1/views/resident-home", params={"household_id": str(HOME)})).status_code == 404
        assert (await gateway.client().get("/v1/views/resident-home")).status_code == 401
        assert calls == []


async def test_a_household_that_never_ordered(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    other, resident = new_id(), new_id()
    async with gateway_with(monkeypatch) as (gateway, _):
        await know(gateway, other, resident)
        view = (await gateway.client(person(id=resident)).get("/v1/views/resident-home")).json()
    assert (view["partial"], view["money"]) == (False, [])
