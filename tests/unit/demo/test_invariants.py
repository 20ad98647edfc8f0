"""Each invariant of the demo holds for a day that went well, and catches the break planted for it."""

import copy
from collections import Counter
from collections.abc import Callable

import pytest

from demo import invariants
from demo.books import Books, Bus
from demo.invariants import CHECKS
from demo.ledger import Ledger
from demo.report import Invariant

TOPIC = "orders.order.v1"


def good_day() -> tuple[Books, Ledger]:
    """Two orders of one item (3 + 2 wanted, 4 confirmed and received), one of them short by one, all paid."""
    books = Books(
        orders=[
            {"id": "o1", "state": "fulfilled", "reason": None, "household_id": "h1", "round_id": "r"},
            {"id": "o2", "state": "fulfilled", "reason": None, "household_id": "h2", "round_id": "r"},
        ],
        lines=[_line("l1", "o1", "h1", 3, 2), _line("l2", "o2", "h2", 2, 2)],
        items=[
            {"purchase_id": "p", "item_id": "i", "initial": 9, "left": 4, "ration": 3, "confirmed": 4, "received": 4}
        ],
        parcels=[
            {"id": "b1", "order_id": "o1", "state": "collected_at_gate", "reason": None},
            {"id": "b2", "order_id": "o2", "state": "returned", "reason": "not_collected"},
        ],
        money=[_money("o1", 200, 300, 200, 100), _money("o2", 200, 200, 200, 0)],
        postings=[
            *_journal("j1", "receivable", "store_payable", 500),
            *_journal("j2", "held", "receivable", 500),
            *_journal("j3", "store_payable", "receivable", 100),
            *_journal("j4", "receivable", "refund_payable", 100),
            *_journal("j5", "refund_payable", "held", 100),
            *_journal("j6", "store_payable", "held", 400),
        ],
        shortages=[{"id": "s1", "household_id": "h1", "purchase_id": "p", "reason": "confirmed_short"}],
        notifications=[_told("n1", "h1")],
        deliveries=[_delivery("d1", "w1", 1), _delivery("d2", "w2", 2)],
        received={"e": [_hook("w1", 1), _hook("w2", 2)]},
        sms=[{"text": "少一份"}],
        bus={
            "orders": Bus(outbox={"x1": (TOPIC, "order.placed")}, owner_hashes={"t": "abc"}),
            "gateway": Bus(
                claims={"gateway.effects": ["x1"]},
                listens=[{"topic": TOPIC, "kind": "effect", "types": ["order.placed"]}],
                copy_hashes={"t": "abc"},
            ),
        },
        log={"x1": 1},
    )
    ledger = Ledger(collected_fen=500, remitted_fen=400, refunded_fen=100, handed_over=Counter(b1=1))
    for id, household, qty in (("o1", "h1", 3), ("o2", "h2", 2)):
        ledger.orders[id] = {"household_id": household, "round_id": "r", "purchase_id": "p", "lines": {"i": qty}}
    return books, ledger


def _line(id: str, order: str, household: str, requested: int, allocated: int) -> dict[str, object]:
    return {
        "id": id,
        "order_id": order,
        "purchase_id": "p",
        "item_id": "i",
        "requested": requested,
        "allocated": allocated,
        "handed_over": allocated,
        "refunded": requested - allocated,
        "substitute_for": None,
        "state": "fulfilled",
        "household_id": household,
        "round_id": "r",
    }


def _money(order: str, owed: int, collected: int, remitted: int, refunded: int) -> dict[str, object]:
    return {
        "order_id": order,
        "owed_fen": owed,
        "collected_fen": collected,
        "remitted_fen": remitted,
        "refund_due_fen": 0,
        "refunded_fen": refunded,
    }


def _journal(id: str, debit: str, credit: str, fen: int) -> list[dict[str, object]]:
    return [
        {"journal_id": id, "account": debit, "amount_fen": fen},
        {"journal_id": id, "account": credit, "amount_fen": -fen},
    ]


def _told(id: str, household: str) -> dict[str, object]:
    return {
        "id": id,
        "household_id": household,
        "purchase_id": "p",
        "kind": "shortage",
        "told_once_as": f"shortage:{household}:{id}",
        "zh": "少一份",
        "channel": "sms",
        "state": "sent",
    }


def _delivery(id: str, webhook: str, seq: int) -> dict[str, object]:
    return {
        "id": id,
        "endpoint_id": "e",
        "webhook_id": webhook,
        "entity_id": "p",
        "seq": seq,
        "state": "delivered",
    }


def _hook(webhook: str, version: int) -> dict[str, object]:
    return {"verified": True, "webhook_id": webhook, "event": {"data": {"id": "p", "version": version}}}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_good_day_holds(check: Callable[[Books, Ledger], Invariant]) -> None:
    result = check(*good_day())
    assert result.ok, result.detail


BREAKS: list[tuple[str, Callable[[Books, Ledger], object]]] = [
    ("orders_are_final", lambda b, _: b.orders.pop()),
    ("orders_are_final", lambda b, _: b.orders.append(b.orders[0])),
    ("orders_are_final", lambda b, _: b.orders[0].update(state="locked")),
    ("orders_are_final", lambda b, ledger: ledger.orders.pop("o2")),
    ("orders_are_final", lambda b, ledger: ledger.cancelled.add("o1")),
    ("money_adds_up", lambda b, _: b.money[0].update(collected_fen=299)),
    ("money_adds_up", lambda b, _: b.postings.pop()),
    ("money_adds_up", lambda b, _: b.postings[2].update(amount_fen=501)),
    ("money_adds_up", lambda b, ledger: setattr(ledger, "refunded_fen", 99)),
    ("money_adds_up", lambda b, ledger: setattr(ledger, "collected_fen", 501)),
    ("shortages_are_shared_out", lambda b, _: b.lines[1].update(allocated=1)),
    ("shortages_are_shared_out", lambda b, _: b.items[0].update(received=3)),
    ("shortages_are_shared_out", lambda b, _: b.items[0].update(confirmed=3)),
    ("shortages_are_shared_out", lambda b, _: b.lines[1].update(allocated=3)),
    ("nothing_is_oversold", lambda b, _: b.items[0].update(ration=2)),
    ("nothing_is_oversold", lambda b, _: b.items[0].update(left=5)),
    ("nothing_is_oversold", lambda b, _: b.lines.append(_line("l3", "o2", "h2", 1, 1) | {"substitute_for": "l2"})),
    ("nothing_is_oversold", lambda b, _: b.items[0].update(initial=4, left=-1)),
    ("nothing_is_oversold", lambda b, ledger: ledger.orders["o1"]["lines"].update(i=2)),
    ("bags_are_handed_over_once", lambda b, _: b.parcels[0].update(state="at_gate")),
    ("bags_are_handed_over_once", lambda b, _: b.parcels[1].update(reason=None)),
    ("bags_are_handed_over_once", lambda b, ledger: ledger.handed_over.update(b1=1)),
    ("bags_are_handed_over_once", lambda b, _: b.parcels.append(b.parcels[0] | {"id": "b3"})),
    ("events_are_complete", lambda b, _: b.log.clear()),
    ("events_are_complete", lambda b, _: b.log.update(x9=1)),
    ("events_are_complete", lambda b, _: b.bus["gateway"].claims.clear()),
    ("events_are_complete", lambda b, _: b.bus["gateway"].claims["gateway.effects"].append("x1")),
    ("events_are_complete", lambda b, _: b.bus["gateway"].claims["gateway.effects"].append("x8")),
    ("events_are_complete", lambda b, _: setattr(b.bus["orders"], "unpublished", 1)),
    ("events_are_complete", lambda b, _: setattr(b.bus["orders"], "parked", 1)),
    ("copies_equal_their_owners", lambda b, _: b.bus["gateway"].copy_hashes.update(t="abd")),
    ("copies_equal_their_owners", lambda b, _: b.bus["gateway"].copy_hashes.clear()),
    ("webhooks_are_delivered", lambda b, _: b.deliveries[1].update(state="pending")),
    ("webhooks_are_delivered", lambda b, _: b.received["e"].pop()),
    ("webhooks_are_delivered", lambda b, _: b.received["e"].reverse()),
    ("webhooks_are_delivered", lambda b, _: b.received["e"].append({"verified": False, "webhook_id": "w3"})),
    ("households_are_told_once", lambda b, _: b.notifications.clear()),
    ("households_are_told_once", lambda b, _: b.notifications.append(_told("n2", "h1"))),
    ("households_are_told_once", lambda b, _: b.notifications.append(_told("n3", "h3"))),
    ("households_are_told_once", lambda b, _: b.sms.append(b.sms[0])),
    ("households_are_told_once", lambda b, _: b.sms.clear()),
    ("households_are_told_once", lambda b, _: b.notifications[0].update(state="queued")),
]


@pytest.mark.parametrize(("name", "plant"), BREAKS, ids=[f"{name}-{n}" for n, (name, _) in enumerate(BREAKS)])
def test_a_planted_break_is_caught(name: str, plant: Callable[[Books, Ledger], object]) -> None:
    books, ledger = copy.deepcopy(good_day())
    plant(books, ledger)
    assert not getattr(invariants, name)(books, ledger).ok


def test_every_invariant_has_a_planted_break() -> None:
    assert {name for name, _ in BREAKS} == {check.__name__ for check in CHECKS}
