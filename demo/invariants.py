"""What must hold at the end of the day: each computed from the services' own books and the clients' own ledger.

Every function is pure: books and ledger in, an Invariant out. Each is proved by planting a break that it must catch
(tests/unit/demo/test_invariants.py).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from demo.books import Books, Row
from demo.ledger import Ledger
from demo.report import Invariant, difference

FINAL = ("fulfilled", "cancelled")
SHORTAGE = "shortage"
TOLD = ("delivered", "listed", "sent")


def _verdict(name: str, problems: Iterable[str], compared: str) -> Invariant:
    wrong = [problem for problem in problems if problem]
    return Invariant(name, not wrong, "; ".join(wrong[:4]) if wrong else compared)


def orders_are_final(books: Books, ledger: Ledger) -> Invariant:
    """Every accepted order is there once, in exactly one final state; no other order is there."""
    states = {row["id"]: row["state"] for row in books.orders}
    problems = [
        _count("accepted but not there", set(ledger.orders) - set(states)),
        _count("there but never accepted", set(states) - set(ledger.orders)),
        _count("twice", (id for id, n in Counter(row["id"] for row in books.orders).items() if n > 1)),
        _count("not final", (id for id, state in states.items() if state not in FINAL)),
        _count("cancelled by a client, yet fulfilled", (i for i in ledger.cancelled if states.get(i) != "cancelled")),
    ]
    ends = Counter(states.values())
    return _verdict("every accepted order in one final state", problems, f"{len(states)} orders: {dict(ends)}")


def money_adds_up(books: Books, ledger: Ledger) -> Invariant:
    """Σ collected = Σ remitted + Σ refunded + Σ held, in the counters, in the postings and in the clients' ledger."""
    accounts: Counter[str] = Counter()
    journals: Counter[str] = Counter()
    for row in books.postings:
        accounts[row["account"]] += row["amount_fen"]
        journals[row["journal_id"]] += row["amount_fen"]
    total = {name: sum(row[f"{name}_fen"] for row in books.money) for name in ("collected", "remitted", "refunded")}
    unmatched, held = -accounts["unmatched"], accounts["held"]
    collected = total["collected"] + unmatched
    problems = [
        _count("journals do not sum to zero", (id for id, fen in journals.items() if fen)),
        _unequal("collected", collected, total["remitted"] + total["refunded"] + held),
        _unequal("what clients paid", ledger.collected_fen, collected),
        _unequal("what was remitted", ledger.remitted_fen, total["remitted"]),
        _unequal("what households got back", ledger.refunded_fen, total["refunded"]),
        _unequal(
            "owed to households in the postings", -accounts["refund_payable"], _sum(books.money, "refund_due_fen")
        ),
        _unequal(
            "owed by households",
            accounts["receivable"],
            _sum(books.money, "owed_fen", "refund_due_fen", "refunded_fen") - total["collected"],
        ),
    ]
    compared = f"collected {collected} = remitted {total['remitted']} + refunded {total['refunded']} + held {held} fen"
    return _verdict("Σ collected = Σ remitted + Σ refunded + Σ held", problems, compared)


def shortages_are_shared_out(books: Books, _: Ledger) -> Invariant:
    """Allocated ≤ confirmed and ≤ received per item; nothing left while a line is short; no line above its request."""
    allocated: Counter[tuple[str, str]] = Counter()
    short: set[tuple[str, str]] = set()
    problems = []
    for line in books.lines:
        item = line["purchase_id"], line["item_id"]
        if line["state"] == "cancelled" or line["allocated"] is None:
            continue
        allocated[item] += line["allocated"]
        if line["allocated"] < line["requested"] and line["substitute_for"] is None:
            short.add(item)
        if line["allocated"] > line["requested"]:
            problems.append(f"line {line['id']} got more than it asked for")
    for row in books.items:
        item = row["purchase_id"], row["item_id"]
        if row["confirmed"] is None:
            continue
        supply = min(row["confirmed"], row["confirmed"] if row["received"] is None else row["received"])
        if allocated[item] > supply:
            problems.append(f"item {item[1]}: allocated {allocated[item]} of {supply}")
        if item in short and allocated[item] < supply:
            problems.append(f"item {item[1]}: {supply - allocated[item]} left while a line is short")
    compared = f"{len(books.items)} items, {len(short)} short, {sum(allocated.values())} units allocated"
    return _verdict("allocated ≤ confirmed and received, none left over", problems, compared)


def nothing_is_oversold(books: Books, ledger: Ledger) -> Invariant:
    """No household over its ration; initial = net sold (swaps too) + left ≥ 0; the clients sold as much."""
    bought: Counter[tuple[str, str, str, str]] = Counter()
    sold: Counter[tuple[str, str]] = Counter()
    asked: Counter[tuple[str, str]] = Counter()
    for line in books.lines:
        if line["state"] == "cancelled":
            continue
        sold[line["purchase_id"], line["item_id"]] += line["requested"]
        if line["substitute_for"] is not None:
            continue  # a swap takes stock, but nobody ordered it
        asked[line["purchase_id"], line["item_id"]] += line["requested"]
        bought[line["purchase_id"], line["round_id"], line["household_id"], line["item_id"]] += line["requested"]
    rations = {(row["purchase_id"], row["item_id"]): row["ration"] for row in books.items}
    over = [key for key, qty in bought.items() if (most := rations[key[0], key[3]]) is not None and qty > most]
    problems = [_count("households over their ration", over)]
    for row in books.items:
        item = row["purchase_id"], row["item_id"]
        if row["left"] < 0:
            problems.append(f"item {item[1]} oversold by {-row['left']}")
        problems.append(_unequal(f"item {item[1]}: initial", row["initial"], sold[item] + row["left"]))
    ours = {f"{p}/{i}": qty for (p, i), qty in ledger.sold().items()}
    theirs = {f"{p}/{i}": qty for (p, i), qty in asked.items()}
    problems.append(difference(ours, theirs))
    compared = f"{sum(sold.values())} units of {len(books.items)} items, {len(bought)} household lines"
    return _verdict("no ration exceeded, no item oversold", problems, compared)


def bags_are_handed_over_once(books: Books, ledger: Ledger) -> Invariant:
    """Every bag was collected once, or returned with a reason; the clients handed over just those."""
    collected = {row["id"] for row in books.parcels if row["state"] == "collected_at_gate"}
    returned = {row["id"]: row["reason"] for row in books.parcels if row["state"] == "returned"}
    problems = [
        _count("neither collected nor returned", {row["id"] for row in books.parcels} - collected - set(returned)),
        _count("returned without a reason", (id for id, reason in returned.items() if not reason)),
        _count("handed over more than once", (id for id, times in ledger.handed_over.items() if times > 1)),
        _count("collected, but nobody handed it over", collected - set(ledger.handed_over)),
        _count("handed over, but not collected", set(ledger.handed_over) - collected),
        _count("two bags of one order", (o for o, n in Counter(r["order_id"] for r in books.parcels).items() if n > 1)),
    ]
    compared = f"{len(collected)} collected, {len(returned)} returned"
    return _verdict("every bag handed over once, or returned", problems, compared)


def events_are_complete(books: Books, _: Ledger) -> Invariant:
    """Every outbox id is in the log, and every effect that listens claimed each of its events once."""
    problems, effects = [], 0
    known = {id: kind for bus in books.bus.values() for id, kind in bus.outbox.items()}
    for service, bus in books.bus.items():
        problems += [
            (bus.unpublished and f"{service}: {bus.unpublished} events not sent") or "",
            (bus.parked and f"{service}: {bus.parked} events parked") or "",
            _count(f"{service}: in the outbox, not in the log", set(bus.outbox) - set(books.log)),
        ]
        effects += _check_effects(service, bus, known, problems)
    problems.append(_count("in the log, in no outbox", set(books.log) - set(known)))
    return _verdict("every event in the log, every effect once", problems, f"{len(known)} events, {effects} effects")


def _check_effects(service: str, bus: Any, known: dict[str, tuple[str, str]], problems: list[str]) -> int:
    wanted = {(s["topic"], kind) for s in bus.listens if s["kind"] == "effect" for kind in s["types"]}
    due = {id for id, of in known.items() if of in wanted}
    claimed = Counter(bus.claims.get(f"{service}.effects", ()))
    problems += [
        _count(f"{service}: events without their effect", due - set(claimed)),
        _count(f"{service}: effects of nothing that was sent", set(claimed) - due),
        _count(f"{service}: effects twice", (id for id, times in claimed.items() if times > 1)),
    ]
    return len(due)


def copies_equal_their_owners(books: Books, _: Ledger) -> Invariant:
    """The hash of every copy is its owner's."""
    owned = {topic: digest for bus in books.bus.values() for topic, digest in bus.owner_hashes.items()}
    problems, compared = [], 0
    for service, bus in books.bus.items():
        for topic, digest in bus.copy_hashes.items():
            compared += 1
            if digest != owned.get(topic):
                problems.append(f"{service}'s copy of {topic} differs")
    if not compared:
        problems.append("there is no copy to compare")
    return _verdict("every copy equals its owner", problems, f"{compared} copies of {len(owned)} state topics")


def webhooks_are_delivered(books: Books, _: Ledger) -> Invariant:
    """Every webhook was delivered, in order per entity, with a signature that its receiver verified."""
    wanted: dict[str, set[str]] = defaultdict(set)
    problems = [_count("not delivered", (row["id"] for row in books.deliveries if row["state"] != "delivered"))]
    for row in books.deliveries:
        wanted[row["endpoint_id"]].add(row["webhook_id"])
    for endpoint, lines in books.received.items():
        hooks = [line for line in lines if "verified" in line]
        good = [line for line in hooks if line["verified"]]
        problems += [
            _count("signatures that did not verify", [line for line in hooks if not line["verified"]]),
            _count("delivered, but not at the receiver", wanted[endpoint] - {line["webhook_id"] for line in good}),
            _count("out of order", _inversions(good)),
        ]
    compared = f"{len(books.deliveries)} deliveries to {len(books.received)} receivers"
    return _verdict("every webhook delivered, ordered, signed", problems, compared)


def _inversions(lines: Iterable[Row]) -> list[str]:
    newest: dict[str, int] = {}
    wrong = []
    for line in lines:
        data = line["event"]["data"]
        if data["version"] < newest.get(data["id"], 0):
            wrong.append(data["id"])
        newest[data["id"]] = max(newest.get(data["id"], 0), data["version"])
    return wrong


def households_are_told_once(books: Books, _: Ledger) -> Invariant:
    """Every household that a shortage affects was told exactly once per purchase and reason."""
    due = Counter((row["household_id"], row["purchase_id"]) for row in books.shortages)
    told = Counter((row["household_id"], row["purchase_id"]) for row in books.notifications if row["kind"] == SHORTAGE)
    names = Counter(row["told_once_as"] for row in books.notifications)
    wanted = Counter(row["zh"] for row in books.notifications if row["channel"] == "sms")
    texts = Counter(row["text"] for row in books.sms if row["text"] in wanted)
    problems = [
        _count("not told", due - told),
        _count("told without cause or more than once", told - due),
        _count("one thing told twice", (key for key, times in names.items() if times > 1)),
        _count("texts sent more than once", (texts - wanted).elements()),
        _count("texts never sent", (wanted - texts).elements()),
        _count("still under way", (r["id"] for r in books.notifications if r["state"] not in TOLD)),
    ]
    return _verdict(
        "every affected household told once", problems, f"{due.total()} shortages told, {texts.total()} texts sent"
    )


def _count(what: str, found: Iterable[Any]) -> str:
    listed = [str(each) for each in found]
    return f"{len(listed)} {what} (such as {listed[0]})" if listed else ""


def _unequal(what: str, ours: int, theirs: int) -> str:
    return "" if ours == theirs else f"{what}: {ours} is not {theirs}"


def _sum(rows: Iterable[Row], *columns: str) -> int:
    return sum(row[column] for row in rows for column in columns)


CHECKS: tuple[Callable[[Books, Ledger], Invariant], ...] = (
    orders_are_final,
    money_adds_up,
    shortages_are_shared_out,
    nothing_is_oversold,
    bags_are_handed_over_once,
    events_are_complete,
    copies_equal_their_owners,
    webhooks_are_delivered,
    households_are_told_once,
)
