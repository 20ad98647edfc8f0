"""The morning: people get their roles, households are loaded, the notice arrives, the store is agreed with."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta

import aiohttp
from standardwebhooks.webhooks import Webhook

from demo.client import Caller, Json, Refused
from demo.seed import STREET_AREA, STREET_CODE, Home, homes
from demo.world import Partner, World, community, eventually, numbers, together
from shared.ids import new_id

ADMIN, OFFICIAL, STORE = "+8619800000001", "+8619800000002", "+8619800000003"
USCC = "91350100M000100Y43"
GOODS = (
    ("特价蔬菜包 10斤", "包", 5000, "normal", 1000, 2),
    ("大米 5kg", "袋", 5000, "normal", 3200, None),
    ("鸡蛋 30枚", "盒", 1800, "normal", 2600, None),
    ("冷冻猪肉 2kg", "份", 2000, "frozen", 7000, None),
    ("牛奶 12盒", "箱", 3000, "chilled", 5800, None),
    ("食用油 5L", "桶", 4700, "normal", 6900, None),
    ("面条 1kg", "袋", 1000, "normal", 900, None),
    ("土豆 2.5kg", "袋", 2500, "normal", 1200, None),
)
"""(name, unit, grams, storage, price in fen, most per household)"""
RATIONED, SHORT, ALSO_SHORT, SHORT_ON_TRUCK = GOODS[0][0], GOODS[2][0], GOODS[3][0], GOODS[4][0]


async def appoint(world: World) -> None:
    """Administrator by command line; the rest by roles, each from somebody who may give it."""
    with world.report.step("People take their posts") as counts:
        world.run("services.gateway", "admin", "--phone", ADMIN, "--name", "管理员")
        world.admin = await world.sign_in(ADMIN)
        await world.wait_for_role(world.admin, "administrator")
        world.official = await world.sign_in(OFFICIAL)
        await world.give_role(world.admin, world.official, "street_official", STREET_AREA)
        for number in numbers():
            world.workers[number] = await world.sign_in(f"+86198001000{number:02d}")
            world.secretaries[number] = await world.sign_in(f"+86198002000{number:02d}")
            await world.give_role(world.admin, world.workers[number], "community_worker", community(number))
            await world.give_role(world.admin, world.secretaries[number], "committee_secretary", community(number))
        await world.wait_for_role(world.official, "street_official")
        for number in numbers():
            await world.wait_for_role(world.workers[number], "community_worker")
            await world.wait_for_role(world.secretaries[number], "committee_secretary")
        counts |= {"officials": 1, "workers": len(world.workers), "secretaries": len(world.secretaries)}


async def import_divisions(world: World) -> None:
    """The real list of Wuhan's streets and communities, as an operator loads it."""
    with world.report.step("The official list of places") as counts:
        counts["places"] = int(re.findall(r"\d+", world.run("services.registry", "import-divisions"))[0])


async def load_places(world: World) -> None:
    """The street's own books, through the upload job."""
    world.homes = homes(world.households)
    with world.report.step("Compounds, buildings and entrances") as counts:
        counts |= await upload(world, "/v1/places/upload", "places.csv", _places_csv(world.homes))
    with world.report.step("Households") as counts:
        counts |= await upload(world, "/v1/households/upload", "households.csv", _households_csv(world.homes))


async def upload(world: World, path: str, name: str, content: bytes) -> dict[str, int]:
    """Uploads, waits for the check, confirms, waits until it is applied."""
    job = await world.official.upload(path, name, content, {"area": STREET_AREA})
    url = f"/v1/operations/registry/{job['id']}"
    job = await finished(world.official, url, "awaiting_confirmation")
    await world.official.post(f"{url}/confirm")
    job = await finished(world.official, url, "succeeded")
    return {str(what): int(number) for what, number in job["counts"].items()}


async def finished(caller: Caller, url: str, state: str) -> Json:
    """The job once it is in ``state``; raises when it failed."""
    job: Json = {}

    async def there() -> bool:
        nonlocal job
        job = await caller.get(url)
        if job["state"] == "failed":
            raise RuntimeError(f"{url} failed: {job['problem']} {job['row_errors'][:3]}")
        return bool(job["state"] == state)

    await eventually(there, f"{url} to be {state}", seconds=600)
    return job


def _csv(header: tuple[str, ...], rows: list[tuple[object, ...]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def _places_csv(all_homes: list[Home]) -> bytes:
    rows: dict[str, tuple[object, ...]] = {}
    for home in all_homes:
        parts = home.area.split(".")
        compound, building, entrance = (".".join(parts[:n]) for n in (6, 7, 8))
        rows.setdefault(compound, (".".join(parts[:5]), "compound", f"{home.compound}号小区", compound))
        rows.setdefault(building, (compound, "building", f"{home.building}栋", building))
        rows.setdefault(entrance, (building, "entrance", f"{home.entrance}单元", entrance))
    return _csv(("parent_area", "kind", "name", "area"), list(rows.values()))


def _households_csv(all_homes: list[Home]) -> bytes:
    header = (
        *("area", "floor", "unit", "size", "contact_name", "phone", "flags", "flags_consent", "notify"),
        *("proxy_role", "proxy_how", "proxy_until"),
    )
    until = (datetime.now(UTC) + timedelta(days=90)).date().isoformat()
    rows: list[tuple[object, ...]] = [
        (
            home.area,
            home.floor,
            home.unit,
            home.size,
            home.name,
            home.phone,
            ";".join(home.flags),
            "oral" if home.flags else "",
            "call" if home.by_phone and home.line % 2 else "sms" if home.by_phone or home.line % 4 == 0 else "inbox",
            "community_worker" if home.by_phone else "",
            "phone" if home.by_phone else "",
            until if home.by_phone else "",
        )
        for home in all_homes
    ]
    return _csv(header, rows)


async def receive_notice(world: World) -> None:
    """Notice No. 12 comes in signed from the city command; the street applies it and an emergency is open."""
    with world.report.step("Notice No. 12 from the city command") as counts:
        source = await world.admin.post(
            "/v1/inbound-sources", {"kind": "city_command", "name": "武汉市疫情防控指挥部", "area": "42.01"}
        )
        message_id = await send_signed(world, source, "notice.issued", _notice())
        await applied(world.admin, message_id)
        notices = await world.official.items("/v1/notices")
        notice = next(n for n in notices if n["number"] == "第12号")
        notice = await world.official.post(f"/v1/notices/{notice['id']}/apply", {"areas": [STREET_AREA]})
        emergency = await world.official.get(f"/v1/emergencies/{notice['emergency_id']}")
        counts |= {"notices": 1, "emergencies": int(emergency["closed_at"] is None)}
        world.report.tell("Changqing Garden", f"{notice['title']} applied: compounds under sealed management")


def _notice() -> Json:
    return {
        "number": "第12号",
        "title": "武汉市新冠肺炎疫情防控指挥部通告(第12号)",
        "issuer": "武汉市新冠肺炎疫情防控指挥部",
        "body": "在全市范围内所有住宅小区实行封闭管理。",
        "region_codes": [STREET_CODE],
        "legal_basis": "中华人民共和国传染病防治法; 突发事件应对法",
        "place_state": "sealed_management",
        "issued_at": "2020-02-10T12:00:00+08:00",
        "from_at": "2020-02-11T00:00:00+08:00",
    }


async def send_signed(world: World, source: Json, kind: str, data: Json) -> str:
    """Sends a message as its source would: signed by the ``standardwebhooks`` package; returns our id of it."""
    now, webhook_id = datetime.now(UTC), str(new_id())
    raw = json.dumps({"type": kind, "timestamp": now.isoformat(), "data": data})
    headers = {
        "Content-Type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(source["secret"]).sign(webhook_id, now, raw),
    }
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as http,
        http.post(world.api.base + source["url"], data=raw.encode(), headers=headers) as answer,
    ):
        body = await answer.json()
        if answer.status != 202:
            raise RuntimeError(f"{kind}: {answer.status} {body}")
        return str(body["message_id"])


async def applied(caller: Caller, message_id: str) -> None:
    """Waits until the owner has taken the message."""

    async def there() -> bool:
        message = await caller.get(f"/v1/inbound-messages/{message_id}")
        if message["state"] == "rejected":
            raise RuntimeError(f"the message was rejected: {message['problem']}")
        return bool(message["state"] == "applied")

    await eventually(there, "the message to be applied")


async def agree_with_store(world: World) -> None:
    """One supermarket: registered, endorsed by the street, accepted by each community, paired, prices signed."""
    with world.report.step("The store: agreements, pairing, signed prices") as counts:
        store = await world.official.post(
            "/v1/organizations", {"kind": "store", "name": "常青花园超市", "uscc": USCC, "area": STREET_AREA}
        )
        world.store_id = store["id"]
        world.store_manager = await world.sign_in(STORE)
        await world.give_role(world.admin, world.store_manager, "store_manager", None, world.store_id)
        await world.wait_for_role(world.store_manager, "store_manager")
        await together(lambda number: _pair(world, number), numbers())
        await _sign_prices(world)
        counts |= {"agreements": len(numbers()), "items": len(world.items)}


async def _pair(world: World, number: int) -> None:
    today = datetime.now(UTC).date()
    agreement = await world.store_manager.post(
        "/v1/agreements",
        {
            "organization_id": world.store_id,
            "community_area": community(number),
            "purposes": ["group_buy"],
            "starts_on": (today - timedelta(days=1)).isoformat(),
            "ends_on": (today + timedelta(days=180)).isoformat(),
        },
    )
    await world.official.post(f"/v1/agreements/{agreement['id']}/endorse")
    await world.secretaries[number].post(f"/v1/agreements/{agreement['id']}/accept")

    async def paired() -> bool:
        try:  # the agreement's event takes a moment from registry to orders
            body = {"area": community(number), "store_id": world.store_id}
            await world.workers[number].post("/v1/store-pairings", body)
        except Refused as refusal:
            if refusal.code != "agreement_required":
                raise
            return False
        return True

    await eventually(paired, "the agreement to reach orders")


async def _sign_prices(world: World) -> None:
    for name, unit, grams, storage, price, ration in GOODS:
        body = {"store_id": world.store_id, "name": name, "unit": unit, "weight_g": grams, "storage": storage}
        item = await world.store_manager.post("/v1/catalog-items", body)
        world.items[name] = item | {"price_fen": price, "ration": ration}
    prices = await world.store_manager.post(
        "/v1/price-lists",
        {
            "store_id": world.store_id,
            "valid_from": datetime.now(UTC).isoformat(),
            "lines": [
                {"item_id": item["id"], "price": {"amount_fen": item["price_fen"], "currency": "CNY"}}
                for item in world.items.values()
            ],
        },
    )
    await world.store_manager.post(f"/v1/price-lists/{prices['id']}/sign")


async def connect_partners(world: World, ports: tuple[int, int]) -> None:
    """The store and a government receiver: webhook endpoints, an API client, a source for the store's messages."""
    with world.report.step("The store and the district connect") as counts:
        store = Partner("store", world.folder, ports[0], {})
        district = Partner("district", world.folder, ports[1], {})
        world.partners = {"store": store, "district": district}
        for partner in (store, district):
            partner.configure(secret="")
            await partner.start()
        await _connect_store(world, store)
        await _endpoint(
            world.official, district, {"area": STREET_AREA, "event_types": ["purchase.*", "round.*", "emergency.*"]}
        )
        counts["endpoints"] = 2


async def _endpoint(owner: Caller, partner: Partner, wanted: Json) -> None:
    body = {"name": partner.name, "url": partner.url} | wanted
    endpoint = await owner.post("/v1/webhook-endpoints", body)
    partner.endpoint_id = endpoint["id"]
    partner.configure(secret=endpoint["secret"])

    async def enabled() -> bool:
        return bool((await owner.get(f"/v1/webhook-endpoints/{endpoint['id']}"))["state"] == "enabled")

    await eventually(enabled, f"{partner.name} to consent")


async def _connect_store(world: World, store: Partner) -> None:
    owner = {"organization_id": world.store_id}
    client = await world.official.post(
        "/v1/api-clients",
        {
            "name": "超市系统",
            "role": "store_manager",
            "scopes": ["purchases.read", "purchases.confirm", "inbound_messages.read"],
        }
        | owner,
    )
    source = await world.official.post("/v1/inbound-sources", {"kind": "store", "name": "常青花园超市"} | owner)
    await _endpoint(world.store_manager, store, {"event_types": ["purchase.*", "inbound_message.*"]} | owner)
    store.configure(
        store={
            "gateway": world.api.base,
            "client_id": client["id"],
            "client_secret": client["secret"],
            "source_id": source["id"],
            "source_secret": source["secret"],
            "percent_by_item": {world.items[SHORT]["id"]: 80, world.items[ALSO_SHORT]["id"]: 70},
        }
    )
