"""The group buy: a purchase, seven rounds, two thousand orders at once, the store's answer, shortages shared out."""

import asyncio
import csv
import io
from collections import Counter
from datetime import UTC, datetime, timedelta

from demo.client import Caller, Json, Refused
from demo.office import RATIONED
from demo.seed import Home
from demo.world import ORDERS, World, community, eventually, numbers, together
from shared.ids import new_id

TAKING_SECONDS = 60
LATE_SECONDS = 12
SUBSTITUTIONS = ("refund", "refund", "refund", "swap", "call")


async def residents_sign_in(world: World) -> None:
    """App users sign in and claim their household: half with the code on paper, half confirmed by their worker."""
    with world.report.step("Residents sign in and claim their households") as counts:
        chosen = _buyers(world)
        app = [home for home in chosen if not home.by_phone]
        codes = {number: await _paper_codes(world, number) for number in numbers()}
        await together(lambda home: _claim(world, home, codes[home.community]), app)
        counts |= {"residents": len(world.residents), "claims": len(app)}


def _buyers(world: World) -> list[Home]:
    """Whose households order: 20 % by phone, spread over all communities."""
    by_phone = [home for home in world.homes if home.by_phone]
    app = [home for home in world.homes if not home.by_phone]
    wanted_by_phone = min(len(by_phone), ORDERS // 5)
    chosen = world.rng.sample(by_phone, wanted_by_phone) + world.rng.sample(app, ORDERS - wanted_by_phone)
    world.rng.shuffle(chosen)
    world.buyers = chosen
    return chosen


async def _paper_codes(world: World, number: int) -> dict[tuple[str, str], Json]:
    """(entrance, unit) → the household's id and claim code, as the worker prints them."""
    found: dict[tuple[str, str], Json] = {}
    for compound in sorted({home.area.rsplit(".", 2)[0] for home in world.homes if home.community == number}):
        wanted = {"area": compound, "purpose": "发放认领码", "format": "csv"}
        printed = await world.workers[number].search("/v1/households/export", wanted)
        for row in csv.DictReader(io.StringIO(printed["raw"].decode("utf-8-sig"))):
            found[row["area"], row["unit"]] = row
    return found


async def _claim(world: World, home: Home, codes: dict[tuple[str, str], Json]) -> None:
    caller = await world.sign_in(home.phone)
    row = codes[home.area, home.unit]
    world.residents[home.line], world.household_ids[home.line] = caller, row["household_id"]
    body: Json = {"area": home.area, "unit": home.unit}
    if home.line % 2:
        body["code"] = row["code"]
    claim = await caller.post("/v1/household-claims", body)
    if claim["state"] == "pending":
        await world.workers[home.community].post(f"/v1/household-claims/{claim['id']}/confirm")


async def open_rounds(world: World) -> None:
    """One purchase for tomorrow, a round in every community."""
    with world.report.step("One purchase, seven rounds") as counts:
        now = datetime.now(UTC)
        world.cut_off_at = now + timedelta(seconds=TAKING_SECONDS)
        late = world.cut_off_at + timedelta(seconds=LATE_SECONDS)
        purchase = await world.official.post("/v1/purchases", _purchase(world, late + timedelta(seconds=3)))
        world.purchase_id = purchase["id"]
        for number in numbers():
            body = {
                "purchase_id": purchase["id"],
                "area": community(number),
                "opens_at": now.isoformat(),
                "cut_off_at": world.cut_off_at.isoformat(),
                "late_entry_until": late.isoformat(),
                "minimum_orders": 30,
            }
            made = await world.workers[number].post("/v1/rounds", body)
            world.rounds[number] = await world.workers[number].post(f"/v1/rounds/{made['id']}/open")
        counts |= {"rounds": len(world.rounds), "items": len(world.items)}


def _purchase(world: World, send_at: datetime) -> Json:
    return {
        "store_id": world.store_id,
        "areas": [community(number) for number in numbers()],
        "delivery_on": (datetime.now(UTC) + timedelta(days=2)).date().isoformat(),
        "send_at": send_at.isoformat(),
        "confirm_seconds": 120,
        "items": [
            {"item_id": item["id"], "initial": 1600 if name == RATIONED else 5000, "ration": item["ration"]}
            for name, item in world.items.items()
        ],
    }


async def take_orders(world: World) -> None:
    """Residents in the app and workers on the telephone order at the same time."""
    with world.report.step("Orders from app and telephone") as counts:
        late = {home.line for home in world.buyers if home.by_phone and home.line % 12 == 0}
        world.late = [home for home in world.buyers if home.line in late]
        await together(lambda home: _order(world, home), [h for h in world.buyers if h.line not in late], width=48)
        counts |= {"accepted": len(world.ledger.orders)} | {f"refused {c}": n for c, n in world.ledger.refused.items()}


async def _order(world: World, home: Home, taken_at: datetime | None = None) -> None:
    body: Json = {
        "id": str(new_id()),
        "round_id": world.rounds[home.community]["id"],
        "household_id": await _household_id(world, home),
        "channel": "phone" if home.by_phone else "app",
        "lines": _lines(world, home),
    }
    if home.by_phone:
        body["taken_at"] = (taken_at or datetime.now(UTC)).isoformat()
    caller = world.workers[home.community] if home.by_phone else world.residents[home.line]
    try:
        order = await caller.post("/v1/orders", body)
    except Refused as refusal:
        world.ledger.refused[refusal.code] += 1
        if refusal.code not in ("out_of_stock", "quota_used", "round_closed"):
            raise
        return
    world.ledger.accepted(order)
    world.orders.append(order)


async def _household_id(world: World, home: Home) -> str:
    """Whose order it is; on the telephone the worker finds the household by the caller's number."""
    if home.line not in world.household_ids:
        found = await world.workers[home.community].search("/v1/households/search", {"phone": home.phone})
        world.household_ids[home.line] = found["items"][0]["id"]
    return world.household_ids[home.line]


def _lines(world: World, home: Home) -> list[Json]:
    """One to four items; now and then more of the rationed pack than anybody may have."""
    names = world.rng.sample(sorted(world.items), world.rng.randint(1, 4))
    if world.rng.random() < 0.4 and RATIONED not in names:
        names.append(RATIONED)
    cheapest = min(world.items.values(), key=lambda item: item["price_fen"])
    lines = []
    for name in names:
        item = world.items[name]
        qty = 3 if name == RATIONED and home.line % 101 == 0 else world.rng.choice((1, 1, 1, 2))
        rule = world.rng.choice(SUBSTITUTIONS)
        line: Json = {"item_id": item["id"], "qty": qty, "substitution": rule}
        if rule == "swap" and item["id"] != cheapest["id"]:
            line["swap_item_id"] = cheapest["id"]
        elif rule == "swap":
            line["substitution"] = "refund"
        lines.append(line)
    return lines


async def change_minds(world: World) -> None:
    """A few households cancel or amend while the round is open."""
    with world.report.step("Some amend, some cancel") as counts:
        mine = [order for order in world.orders if order["channel"] == "app"][:40]
        by_household = {world.household_ids[line]: caller for line, caller in world.residents.items()}
        for order in mine[:20]:
            await by_household[order["household_id"]].post(
                f"/v1/orders/{order['id']}/cancel", {"reason_code": "household_request"}
            )
            world.ledger.cancelled.add(order["id"])
        for order in mine[20:]:
            line = order["lines"][0]
            body = {"lines": [{"item_id": line["item_id"], "qty": 1, "substitution": "refund"}]}
            caller = by_household[order["household_id"]]
            amended = await caller.change("PUT", f"/v1/orders/{order['id']}/lines", order["version"], body)
            world.ledger.accepted(amended)
            order.update(amended)
        counts |= {"cancelled": 20, "amended": len(mine) - 20}


async def cut_off(world: World) -> None:
    """Rounds close by themselves; workers key what was taken before; the purchase goes to the store by itself."""
    with world.report.step("Cut-off; late entries; the order goes to the store") as counts:
        await asyncio.sleep(max(0.0, (world.cut_off_at - datetime.now(UTC)).total_seconds()) + 0.5)
        await _too_late(world)
        taken_at = world.cut_off_at - timedelta(seconds=1)
        await together(lambda home: _order(world, home, taken_at), world.late)
        counts["late entries"] = len(world.late)

        async def confirmed() -> bool:
            purchase = await world.official.get(f"/v1/purchases/{world.purchase_id}")
            if purchase["state"] == "cancelled":
                raise RuntimeError(f"the purchase was cancelled: {purchase['reason']}")
            return purchase["state"] not in ("open", "sent")

        await eventually(confirmed, "the store to confirm", seconds=120)


async def _too_late(world: World) -> None:
    """A resident who orders after the cut-off is told so."""
    line, caller = next(iter(world.residents.items()))
    home = world.homes[line - 1]
    body = {
        "round_id": world.rounds[home.community]["id"],
        "household_id": world.household_ids[line],
        "lines": [{"item_id": next(iter(world.items.values()))["id"], "qty": 1}],
    }
    try:
        await caller.post("/v1/orders", body)
    except Refused as refusal:
        world.ledger.refused[refusal.code] += 1
        if refusal.code == "round_closed":
            return
        raise
    raise RuntimeError("an order after the cut-off was accepted")


async def share_out(world: World) -> None:
    """What the store could not confirm was shared out by itself; every affected household is told once."""
    with world.report.step("Shortages shared out, households told") as counts:
        purchase = await world.official.get(f"/v1/purchases/{world.purchase_id}")
        short = {i["name"]: (i["ordered"], i["confirmed"]) for i in purchase["items"] if i["ordered"] > i["confirmed"]}
        for name, (ordered, confirmed) in short.items():
            world.report.tell("the store", f"{name}: {ordered} ordered, {confirmed} confirmed")
        counts["items short"] = len(short)
        counts |= await resolve_callbacks(world)
        await _tell_one_story(world)


async def resolve_callbacks(world: World) -> dict[str, int]:
    """Workers call those who wanted a call; most take their money back."""
    outcomes: Counter[str] = Counter()
    for number in numbers():
        worker = world.workers[number]

        async def settle(callback: Json, worker: Caller = worker) -> None:
            await worker.post(f"/v1/callbacks/{callback['id']}/claim")
            outcome = "told" if callback["line_id"] is None else "refund"
            await worker.post(f"/v1/callbacks/{callback['id']}/resolve", {"outcome": outcome})
            outcomes[f"calls: {outcome}"] += 1

        await together(settle, await worker.items("/v1/callbacks?state=open"))
    return dict(outcomes)


async def _tell_one_story(world: World) -> None:
    """What one resident sees at home."""
    for line, caller in world.residents.items():
        home = await caller.get("/v1/views/resident-home")
        if shortages := home.get("shortages"):
            world.report.tell(f"a household in {world.homes[line - 1].community}号社区", shortages[0]["en"])
            return
