"""The truck, the bags, the gate, the money: until every household has its bag and every fen its place."""

import csv
import io
from datetime import UTC, datetime

from demo.client import Caller, Json
from demo.market import resolve_callbacks
from demo.office import SHORT_ON_TRUCK, finished
from demo.world import World, community, numbers, together

CASH_EVERY = 3
"""Every third order is paid in cash to the building head, the rest by transfer."""
NOT_COLLECTED_EVERY = 400
SHORT_UNITS = 9


async def appoint_heads(world: World) -> None:
    """A building head for each compound, who collects money at the door."""
    with world.report.step("Building heads are appointed") as counts:
        compounds = sorted({home.area.rsplit(".", 2)[0] for home in world.homes})
        for index, compound in enumerate(compounds):
            head = await world.sign_in(f"+8619820000{index:03d}")
            await world.give_role(world.workers[int(compound.split(".")[4])], head, "building_head", compound)
            world.heads[compound] = head
        for head in world.heads.values():
            await world.wait_for_role(head, "building_head")
        counts["heads"] = len(world.heads)


async def collect_transfers(world: World) -> None:
    """Two of three households pay when they order: an uploaded list, the order's code as memo, matched by itself."""
    with world.report.step("Transfers are uploaded and matched") as counts:
        live = [order for order in world.orders if order["id"] not in world.ledger.cancelled]
        for number in numbers():
            mine = [o for i, o in enumerate(live) if i % CASH_EVERY and o["community_area"] == community(number)]
            for what, count in (await _transfers(world, number, mine)).items():
                counts[what] = counts.get(what, 0) + count


async def collect_cash(world: World) -> None:
    """The rest pays the building head in cash: what the order owes once the shortage is known."""
    with world.report.step("Building heads collect cash") as counts:
        for number in numbers():
            for statement in await world.workers[number].items(f"/v1/statements?area={community(number)}"):
                for order in statement["orders"]:
                    world.owed[order["order_id"]] = order["outstanding"]
        unpaid = [
            o for o in world.orders if world.owed[o["id"]]["amount_fen"] and o["id"] not in world.ledger.cancelled
        ]
        await together(lambda order: _cash(world, order), unpaid)
        counts["payments"] = len(unpaid)


async def _cash(world: World, order: Json) -> None:
    head, amount = world.heads[order["area"].rsplit(".", 2)[0]], world.owed[order["id"]]
    await head.post("/v1/payments", {"order_id": order["id"], "amount": amount, "method": "cash"})
    world.ledger.collected_fen += amount["amount_fen"]


async def _transfers(world: World, number: int, orders: list[Json]) -> dict[str, int]:
    """Uploads the list; the first transfer forgot its memo and is matched by hand."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("流水号", "金额", "备注", "付款人", "交易时间"))
    for index, order in enumerate(orders):
        fen = order["owed"]["amount_fen"]
        memo = "谢谢" if index == 0 else order["code"]
        writer.writerow(
            (f"T{number}-{index:05d}", f"{fen / 100:.2f}", memo, "住户", f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}")
        )
        world.ledger.collected_fen += fen
    worker = world.workers[number]
    content = text.getvalue().encode("gb18030")
    job = await worker.upload("/v1/payments/upload", "转账.csv", content, {"round_id": world.rounds[number]["id"]})
    url = f"/v1/operations/orders/{job['id']}"
    await finished(worker, url, "awaiting_confirmation")
    await worker.post(f"{url}/confirm")
    counts: dict[str, int] = (await finished(worker, url, "succeeded"))["counts"]
    for payment in await worker.items(f"/v1/payments?state=unmatched&area={community(number)}"):
        await worker.post(f"/v1/payments/{payment['id']}/match", {"order_id": orders[0]["id"]})
    return counts


async def receive(world: World) -> None:
    """The truck arrives at each community's gate; one item is short of what the store itself confirmed."""
    with world.report.step("The truck arrives; received is compared with ordered") as counts:
        await together(lambda number: _receive(world, number), numbers(), width=1)
        purchase = await world.official.get(f"/v1/purchases/{world.purchase_id}")
        for item in purchase["items"]:
            if item["received"] is not None and item["confirmed"] is not None and item["received"] < item["confirmed"]:
                told = f"{item['name']}: {item['confirmed']} confirmed, {item['received']} on the truck"
                world.report.tell("the truck", told)
        counts["receipts"] = len(numbers())
        counts |= await resolve_callbacks(world)


async def _receive(world: World, number: int) -> None:
    worker = world.workers[number]
    body = {"purchase_id": world.purchase_id, "area": community(number)}
    receipt = await worker.post("/v1/goods-receipts", body)
    lines = []
    for item in receipt["items"]:
        short = SHORT_UNITS if item["item_id"] == world.items[SHORT_ON_TRUCK]["id"] and number == 1 else 0
        qty = max(0, item["confirmed"] - short)
        lines.append({"item_id": item["item_id"], "lot_no": f"L{number}", "received": qty})
    path = f"/v1/goods-receipts/{receipt['id']}"
    await worker.change("PUT", f"{path}/lines", receipt["version"], {"lines": lines})
    await worker.post(f"/v1/goods-receipts/{receipt['id']}/complete")


async def pack_and_stage(world: World) -> None:
    """A bag per household, labelled, at the gate under its number."""
    with world.report.step("Bags are packed, labelled and put at the gate") as counts:
        for number in numbers():
            worker = world.workers[number]
            bags = await worker.items(f"/v1/parcels?round_id={world.rounds[number]['id']}&state=received")

            async def ready(bag: Json, worker: Caller = worker) -> None:
                await worker.post(f"/v1/parcels/{bag['id']}/pack", {"bags": 1})
                await worker.post(f"/v1/parcels/{bag['id']}/stage")

            await together(ready, bags)
            counts["bags"] = counts.get("bags", 0) + len(bags)
        labels = await world.workers[1].get(f"/v1/bag-labels/export?round_id={world.rounds[1]['id']}")
        (world.folder / "labels-1.pdf").write_bytes(labels["raw"])


async def hand_over(world: World) -> None:
    """Numbers are called five at a time; who does not come is put back; a few never come."""
    with world.report.step("Numbers are called, bags handed over") as counts:
        results = await together(lambda number: _gate(world, number), numbers(), width=7)
        counts |= {"calls": sum(calls for calls, _ in results), "requeued": sum(back for _, back in results)}
        counts |= {"handed over": len(world.ledger.handed_over), "sent back": len(world.ledger.sent_back)}


async def _gate(world: World, number: int) -> tuple[int, int]:
    worker = world.workers[number]
    round_id = world.rounds[number]["id"]
    bags = {b["gate_number"]: b for b in await worker.items(f"/v1/parcels?round_id={round_id}&state=at_gate")}
    calls = requeued = 0
    left = set(bags)
    while left:
        slot = await worker.post("/v1/gate-slots", {"round_id": round_id})
        calls += 1
        absent = {n for n in slot["numbers"] if n % 50 == 0 and bags[n]["calls"] == 0}
        for gate_number in slot["numbers"]:
            bags[gate_number]["calls"] += 1
            if gate_number not in absent:
                await _come(world, worker, bags[gate_number])
                left.discard(gate_number)
        if absent:
            await worker.post(f"/v1/gate-slots/{slot['id']}/requeue")
            requeued += len(absent)
    return calls, requeued


async def _come(world: World, worker: Caller, bag: Json) -> None:
    if bag["gate_number"] % NOT_COLLECTED_EVERY == 7:
        body = {"reason_code": "not_collected"}
        await worker.post(f"/v1/parcels/{bag['id']}/send-back", body)
        world.ledger.sent_back[bag["id"]] = "not_collected"
        return
    await worker.post(f"/v1/parcels/{bag['id']}/hand-over")
    world.ledger.handed_over[bag["id"]] += 1


async def settle(world: World) -> None:
    """Refunds are approved by the street and paid by workers; the store is paid; the purchase is complete."""
    with world.report.step("Refunds are paid, the store is paid") as counts:
        due = await world.official.items("/v1/refunds?state=due")
        await together(lambda refund: world.official.post(f"/v1/refunds/{refund['id']}/approve"), due)
        await together(lambda refund: _pay(world, refund), due)
        remittance = await world.official.post("/v1/remittances", {"purchase_id": world.purchase_id})
        world.ledger.remitted_fen += remittance["amount"]["amount_fen"]
        purchase = await world.official.get(f"/v1/purchases/{world.purchase_id}")
        counts |= {"refunds": len(due), "fen remitted": world.ledger.remitted_fen}
        paid = world.ledger.remitted_fen / 100
        world.report.tell("the store", f"was paid ¥{paid:,.2f}; the purchase is {purchase['state']}")


async def _pay(world: World, refund: Json) -> None:
    await world.workers[int(refund["area"].split(".")[4])].post(f"/v1/refunds/{refund['id']}/pay")
    world.ledger.refunded_fen += refund["amount"]["amount_fen"]
