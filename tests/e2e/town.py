"""A small Changqing Garden on a running stack, made through the gateway as its people would make it.

Two of its seven communities have agreements with the store; ten households live in each.
"""

import csv
import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from rich.console import Console
from standardwebhooks.webhooks import Webhook

from demo import office
from demo.client import Api, Caller, Json
from demo.office import OFFICIAL, USCC, send_signed
from demo.report import Report
from demo.seed import STREET_AREA, Home
from demo.world import World, community, eventually
from deploy.laptop.supervisor import Stack
from shared.ids import new_id

HOUSEHOLDS = 70
COMMUNITIES = (1, 2)
PRICES = {"大米 5kg": 3200, "鸡蛋 30枚": 2600, "特价蔬菜包 10斤": 1000}
RATIONED = "特价蔬菜包 10斤"


class Receiver:
    """A webhook receiver of somebody else: consents, verifies with ``standardwebhooks``, keeps what came."""

    def __init__(self) -> None:
        self.secret = ""
        self.events: list[Json] = []
        self.ids: list[str] = []
        self.refused = 0

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("OPTIONS", "/hooks", self._consent)
        app.router.add_post("/hooks", self._receive)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hooks"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _consent(self, request: web.Request) -> web.Response:
        origin = request.headers.get("WebHook-Request-Origin", "")
        return web.Response(headers={"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"})

    async def _receive(self, request: web.Request) -> web.Response:
        try:
            event = Webhook(self.secret).verify(await request.read(), dict(request.headers))
        except Exception:  # the package raises several kinds; each is a signature that does not fit
            self.refused += 1
            return web.Response(status=401)
        self.events.append(event)
        self.ids.append(request.headers["webhook-id"])
        return web.Response(status=204)

    async def heard(self, event_type: str, entity_id: str) -> Json:
        """The event once it has come."""
        found: list[Json] = []

        async def came() -> bool:
            found[:] = [e for e in self.events if e["type"] == event_type and e["data"]["id"] == entity_id]
            return bool(found)

        await eventually(came, f"the webhook {event_type}")
        return found[0]


@dataclass
class Town:
    """The world of the demo, small, with what its tests need besides."""

    world: World
    stack: Stack
    receiver: Receiver = field(default_factory=Receiver)
    store_source: Json = field(default_factory=dict)
    endpoint_id: str = ""
    codes: dict[tuple[str, str], Json] = field(default_factory=dict)

    @property
    def api(self) -> Api:
        return self.world.api

    async def call(
        self,
        caller: Caller | None,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> tuple[int, Json]:
        """One exchange: (status, answer). Only a token that a change of roles revoked is renewed."""
        sent = {"Idempotency-Key": key or str(new_id())} if method == "POST" else {}
        while True:
            if caller is not None and caller.tokens is not None:
                sent["Authorization"] = f"Bearer {caller.tokens.access}"
            status, answer, _ = await self.api.exchange(method, path, sent | dict(headers or {}), body)
            if caller is None or answer.get("code") != "token_expired" or not await caller.refresh():
                return status, answer

    async def fresh(self) -> None:
        """Tokens last five minutes; a test run on a busy machine may take longer."""
        world = self.world
        for caller in (world.admin, world.official, world.store_manager, *world.residents.values()):
            await caller.refresh()
        for number in COMMUNITIES:
            await world.workers[number].refresh()
            await world.secretaries[number].refresh()

    def homes(self, number: int, by_phone: bool) -> list[Home]:
        return [home for home in self.world.homes if home.community == number and home.by_phone == by_phone]

    async def claim(self, home: Home, with_code: bool) -> tuple[Caller, Json]:
        """The resident signs in and claims their household: with the code on paper, or to be confirmed."""
        if not self.codes:
            await self._read_codes()
        row = self.codes[home.area, home.unit]
        self.world.household_ids[home.line] = row["household_id"]
        caller = await self.world.sign_in(home.phone)
        body = {"area": home.area, "unit": home.unit} | ({"code": row["code"]} if with_code else {})
        return caller, await caller.post("/v1/household-claims", body)

    async def resident(self, home: Home) -> Caller:
        """A resident whose claim is confirmed, and known to orders."""
        if home.line not in self.world.residents:
            caller, claim = await self.claim(home, with_code=True)
            assert claim["state"] == "confirmed"
            self.world.residents[home.line] = caller
        return self.world.residents[home.line]

    async def _read_codes(self) -> None:
        for number in COMMUNITIES:
            wanted = {"area": community(number), "purpose": "发放认领码", "format": "csv"}
            printed = await self.world.workers[number].search("/v1/households/export", wanted)
            for row in csv.DictReader(io.StringIO(printed["raw"].decode("utf-8-sig"))):
                self.codes[row["area"], row["unit"]] = row

    async def open_round(
        self, number: int, seconds: float = 600, late: float = 60, initial: int = 100, ration: int | None = 2
    ) -> Json:
        """A purchase of its own and its open round in one community."""
        now = datetime.now(UTC)
        cut_off = now + timedelta(seconds=seconds)
        world = self.world
        purchase = await world.official.post(
            "/v1/purchases",
            {
                "store_id": world.store_id,
                "areas": [community(number)],
                "delivery_on": (now + timedelta(days=3)).date().isoformat(),
                "send_at": (cut_off + timedelta(seconds=late + 1)).isoformat(),
                "confirm_seconds": 600,
                "items": [
                    {"item_id": item["id"], "initial": initial, "ration": ration if name == RATIONED else None}
                    for name, item in world.items.items()
                ],
            },
        )
        made = await world.workers[number].post(
            "/v1/rounds",
            {
                "purchase_id": purchase["id"],
                "area": community(number),
                "opens_at": now.isoformat(),
                "cut_off_at": cut_off.isoformat(),
                "late_entry_until": (cut_off + timedelta(seconds=late)).isoformat(),
            },
        )
        opened: Json = await world.workers[number].post(f"/v1/rounds/{made['id']}/open")
        return opened

    def order(self, round_: Json, home: Home, qty: Any = 1, item: str = "大米 5kg", **more: Any) -> Json:
        """The body of an order of one line."""
        line = {"item_id": self.world.items[item]["id"], "qty": qty}
        household_id = self.world.household_ids.get(home.line) or self.codes[home.area, home.unit]["household_id"]
        return {"round_id": round_["id"], "household_id": household_id, "lines": [line]} | more

    async def place(self, caller: Caller, body: Json) -> Json:
        """Places an order; a claim or consent of this second takes a moment from registry to orders."""
        answer: Json = {}

        async def accepted() -> bool:
            status, found = await self.call(caller, "POST", "/v1/orders", body)
            answer.clear()
            answer.update(found)
            assert status == 201 or found["code"] in ("not_found", "forbidden", "not_yet_known", "in_progress"), found
            return status == 201

        await eventually(accepted, "the order to be accepted")
        return answer

    async def sent_purchase(self, number: int, home: Home, qty: int) -> tuple[str, Json]:
        """One household's order in a round that was closed, its purchase sent to the store: (purchase id, order)."""
        resident, round_ = await self.resident(home), await self.open_round(number, late=0)
        order = await self.place(resident, self.order(round_, home, qty=qty))
        await self.world.workers[number].post(f"/v1/rounds/{round_['id']}/close")

        async def locked() -> bool:
            return bool((await self.world.workers[number].get(f"/v1/orders/{order['id']}"))["state"] == "locked")

        await eventually(locked, "the order to be locked")
        await self.world.official.post(f"/v1/purchases/{round_['purchase_id']}/send")
        return round_["purchase_id"], order

    async def told_of_shortage(self, resident: Caller) -> list[Json]:
        """What the household was told of shortages, once it was told."""
        found: list[Json] = []

        async def told() -> bool:
            found[:] = await resident.items("/v1/notifications?kind=shortage")
            return bool(found)

        await eventually(told, "the household to be told")
        return found

    async def confirm_purchase(self, purchase_id: str, lines: list[Json]) -> str:
        """The store's signed confirmation; the message's id."""
        data = {"purchase_id": purchase_id, "lines": lines}
        return await send_signed(self.world, self.store_source, "purchase.confirmation", data)

    async def sent(self, source: Json, raw: bytes, headers: Mapping[str, str]) -> tuple[int, Json]:
        """Raw bytes to the address of a source."""
        status, answer, _ = await self.api.exchange(
            "POST", source["url"], {"Content-Type": "application/json"} | dict(headers), raw
        )
        return status, answer


def signature(secret: str, raw: bytes, message_id: str, at: datetime | None = None) -> dict[str, str]:
    """The three headers, made by the ``standardwebhooks`` package."""
    at = at or datetime.now(UTC)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at, raw.decode()),
    }


def message(kind: str, data: Json) -> bytes:
    return json.dumps({"type": kind, "timestamp": datetime.now(UTC).isoformat(), "data": data}).encode()


@asynccontextmanager
async def town_on(stack: Stack, folder: Path) -> AsyncIterator[Town]:
    """Everything up to the signed prices, then the store's and a receiver's connections."""
    async with Api(stack.gateway_url) as api:
        report = Report(Console(file=io.StringIO()))
        town = Town(World(api, report, stack.env, folder, HOUSEHOLDS), stack)
        await _morning(town)
        await town.receiver.start()
        try:
            await _connect(town)
            yield town
        finally:
            await town.receiver.stop()


async def _morning(town: Town) -> None:
    world = town.world
    await office.import_divisions(world)
    world.run("services.gateway", "admin", "--phone", office.ADMIN, "--name", "管理员")
    world.admin = await world.sign_in(office.ADMIN)
    await world.wait_for_role(world.admin, "administrator")
    world.official = await world.sign_in(OFFICIAL)
    await world.give_role(world.admin, world.official, "street_official", STREET_AREA)
    for number in COMMUNITIES:
        world.workers[number] = await world.sign_in(f"+86198001000{number:02d}")
        world.secretaries[number] = await world.sign_in(f"+86198002000{number:02d}")
        await world.give_role(world.admin, world.workers[number], "community_worker", community(number))
        await world.give_role(world.admin, world.secretaries[number], "committee_secretary", community(number))
    await world.wait_for_role(world.official, "street_official")
    for number in COMMUNITIES:
        await world.wait_for_role(world.workers[number], "community_worker")
        await world.wait_for_role(world.secretaries[number], "committee_secretary")
    await office.load_places(world)
    await office.receive_notice(world)
    await _store(town)


async def _store(town: Town) -> None:
    world = town.world
    body = {"kind": "store", "name": "常青花园超市", "uscc": USCC, "area": STREET_AREA}
    world.store_id = (await world.official.post("/v1/organizations", body))["id"]
    world.store_manager = await world.sign_in(office.STORE)
    await world.give_role(world.admin, world.store_manager, "store_manager", None, world.store_id)
    await world.wait_for_role(world.store_manager, "store_manager")
    for number in COMMUNITIES:
        agreement = await propose(town, number)
        await world.official.post(f"/v1/agreements/{agreement['id']}/endorse")
        await world.secretaries[number].post(f"/v1/agreements/{agreement['id']}/accept")
        await _pair(town, number)
    for name in PRICES:
        item = {"store_id": world.store_id, "name": name, "unit": "份", "weight_g": 5000, "storage": "normal"}
        world.items[name] = await world.store_manager.post("/v1/catalog-items", item)
    lines = [
        {"item_id": item["id"], "price": {"amount_fen": PRICES[name], "currency": "CNY"}}
        for name, item in world.items.items()
    ]
    prices = {"store_id": world.store_id, "valid_from": datetime.now(UTC).isoformat(), "lines": lines}
    made = await world.store_manager.post("/v1/price-lists", prices)
    await world.store_manager.post(f"/v1/price-lists/{made['id']}/sign")


async def propose(town: Town, number: int) -> Json:
    """An agreement that the store proposes to a community."""
    today = datetime.now(UTC).date()
    return await town.world.store_manager.post(
        "/v1/agreements",
        {
            "organization_id": town.world.store_id,
            "community_area": community(number),
            "purposes": ["group_buy"],
            "starts_on": (today - timedelta(days=1)).isoformat(),
            "ends_on": (today + timedelta(days=180)).isoformat(),
        },
    )


async def _pair(town: Town, number: int) -> None:
    async def paired() -> bool:
        body = {"area": community(number), "store_id": town.world.store_id}
        status, answer = await town.call(town.world.workers[number], "POST", "/v1/store-pairings", body)
        assert status == 201 or answer["code"] == "agreement_required", answer
        return status == 201

    await eventually(paired, "the agreement to reach orders")


async def _connect(town: Town) -> None:
    owner = {"organization_id": town.world.store_id}
    source = {"kind": "store", "name": "常青花园超市"} | owner
    town.store_source = await town.world.official.post("/v1/inbound-sources", source)
    wanted = {"name": "超市系统", "url": town.receiver.url, "event_types": ["purchase.*", "inbound_message.*"]} | owner
    endpoint = await town.world.store_manager.post("/v1/webhook-endpoints", wanted)
    town.receiver.secret, town.endpoint_id = endpoint["secret"], endpoint["id"]

    async def enabled() -> bool:
        found = await town.world.store_manager.get(f"/v1/webhook-endpoints/{endpoint['id']}")
        return bool(found["state"] == "enabled")

    await eventually(enabled, "the receiver to consent")
