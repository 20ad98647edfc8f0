"""The hot path: many orders in one transaction, each accepted or refused by itself.

Why not the ORM: on the evening's last hour nearly every request is an order. SQLAlchemy's unit of work costs 5 to 10
times the rest of the path, so this file (with its statements) speaks asyncpg: one statement takes the locks, one reads
what the orders are judged on, one writes all of them. Everything else in this service uses SQLModel.

The database still holds what must never be false: a CHECK on stock, capacity and quota, unique keys, and an exclusion
constraint on group buys of one household. They cannot fail while the locks are held; if one does, the whole batch rolls
back and the caller tries its orders one by one.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import structlog

from services.orders import policy
from services.orders.intake import statements
from services.orders.intake.domain import RoundNow, Stock
from services.orders.intake.judge import Book, Existing, Intent, Known, PlacedOrder, Room, judge
from shared.ids import new_id
from shared.problems import Problem

log = structlog.get_logger()

Outcome = PlacedOrder | Existing | Problem


async def place_orders(conn: "asyncpg.Connection", intents: Sequence[Intent], *, atomic: bool = False) -> list[Outcome]:
    """One outcome per intent, in their order, inside the caller's transaction.

    ``atomic``: nothing is written unless every order is accepted. Raises asyncpg's IntegrityConstraintViolationError
    when another transaction was faster in spite of the locks: roll back and try the orders one by one.
    """
    book = await _read(conn, intents)
    outcomes = [_judged(book, intent) for intent in intents]
    placed = [outcome for outcome in outcomes if isinstance(outcome, PlacedOrder)]
    if placed and not (atomic and any(isinstance(outcome, Problem) for outcome in outcomes)):
        await conn.execute(statements.WRITE, *_columns(book, placed))
    return outcomes


def _judged(book: Book, intent: Intent) -> Outcome:
    try:
        return judge(book, intent)
    except Problem as refusal:
        return refusal
    except Exception:  # one order that we cannot judge must not take the whole batch with it
        log.exception("order_not_judged")
        return Problem()


async def _read(conn: "asyncpg.Connection", intents: Sequence[Intent]) -> Book:
    rounds = sorted({intent.round_id for intent in intents})
    items = {line.item_id for intent in intents for line in intent.lines}
    swaps = {line.swap_item_id for intent in intents for line in intent.lines if line.swap_item_id}
    keys = [intent.once for intent in intents if intent.once is not None]
    held = await conn.fetchrow(
        statements.HOLD, rounds, sorted(items), [f"{caller} {route} {key}" for caller, route, key in keys]
    )
    found = await conn.fetchval(
        statements.READ,
        rounds,
        list({intent.household_id for intent in intents}),
        list(items | swaps),
        [caller for caller, _, _ in keys],
        [route for _, route, _ in keys],
        [key for _, _, key in keys],
        [intent.id for intent in intents if intent.id is not None],
    )
    book = _book(held["now"], orjson.loads(found))
    book.busy = {key for key, free in zip(keys, held["keys"], strict=True) if not free}
    return book


def _book(now: datetime, found: dict[str, Any]) -> Book:
    book = Book(now)
    for row in found["rounds"] or ():
        _add_round(book, row)
    for purchase, item, price, left, ration in found["stock"] or ():
        book.stock.setdefault(UUID(purchase), {})[UUID(item)] = Stock(UUID(item), price, left, ration)
    book.households = {UUID(asked): payload for asked, payload in found["households"] or ()}
    for caller, route, key, fingerprint, ref in found["keys"] or ():
        book.keys[UUID(caller), route, key] = bytes.fromhex(fingerprint), UUID(ref)
    for id, round_id, household, channel, placed_by, version, lines in found["orders"] or ():
        asked = {UUID(item): qty for item, qty in (lines or {}).items()} if version == 1 else {}
        book.orders[UUID(id)] = Known(UUID(round_id), UUID(household), channel, UUID(placed_by), asked)
    for round_id, household, item, used in found["used"] or ():
        book.used.setdefault((UUID(round_id), UUID(household)), {})[UUID(item)] = used
    book.bought = {UUID(household) for household in found["bought"] or ()}
    return book


def _add_round(book: Book, row: dict[str, Any]) -> None:
    values = policy.of_pinned(row["policy"])
    round = RoundNow(
        id=UUID(row["id"]),
        area=row["area"],
        number=row["number"],
        purchase_id=UUID(row["purchase_id"]),
        state=row["state"],
        cut_off_at=datetime.fromisoformat(row["cut_off_at"]),
        late_entry_until=datetime.fromisoformat(row["late_entry_until"]),
        handover_default=row["handover_default"],
        max_line_qty=values.max_line_qty,
        days_between_orders=values.days_between_orders,
    )
    book.rounds[round.id] = round
    book.rooms[round.id] = Room(row["capacity_left"], row["next_number"])


def _columns(book: Book, placed: Sequence[PlacedOrder]) -> list[Any]:
    """The arrays of ``statements.WRITE``, in its order."""
    lines = [(order, line) for order in placed for line in order.lines]
    once = [(order, order.intent.once) for order in placed if order.intent.once is not None]
    return [
        [o.id for o in placed],
        [o.area for o in placed],
        [o.community_area for o in placed],
        [o.code for o in placed],
        [o.round_id for o in placed],
        [o.purchase_id for o in placed],
        [o.household_id for o in placed],
        [o.buyer_id for o in placed],
        [o.placed_by for o in placed],
        [o.channel for o in placed],
        [o.consent_id for o in placed],
        [o.handover for o in placed],
        [o.taken_at for o in placed],
        [o.owed_fen for o in placed],
        [o.days_apart for o in placed],
        [new_id() for _ in placed],
        [new_id() for _ in placed],
        [new_id() for _ in placed],
        [new_id() for _ in placed],
        [event_payload(o) for o in placed],
        [o.intent.headers for o in placed],
        [line.id for _, line in lines],
        [order.id for order, _ in lines],
        [order.purchase_id for order, _ in lines],
        [line.item_id for _, line in lines],
        [line.requested for _, line in lines],
        [line.unit_price_fen for _, line in lines],
        [line.substitution for _, line in lines],
        [line.swap_item_id for _, line in lines],
        [key[0] for _, key in once],
        [key[1] for _, key in once],
        [key[2] for _, key in once],
        [order.intent.fingerprint for order, _ in once],
        [order.id for order, _ in once],
        *_counters(book, placed),
    ]


def _counters(book: Book, placed: Sequence[PlacedOrder]) -> list[list[Any]]:
    """Sums per stock row, round, and rationed item of a household: each row is changed once."""
    sold: dict[tuple[UUID, UUID], int] = defaultdict(int)
    rationed: dict[tuple[UUID, UUID, UUID], int] = defaultdict(int)
    ceilings = {}
    for order in placed:
        for line in order.lines:
            sold[order.purchase_id, line.item_id] += line.requested
            if (ration := book.stock[order.purchase_id][line.item_id].ration) is not None:
                key = (order.round_id, order.household_id, line.item_id)
                rationed[key] += line.requested
                ceilings[key] = ration
    taken = {round_id: room.taken for round_id, room in book.rooms.items() if room.taken}
    full = [round_id for round_id in taken if book.rooms[round_id].capacity_left == 0]
    return [
        [purchase for purchase, _ in sold],
        [item for _, item in sold],
        list(sold.values()),
        list(taken),
        list(taken.values()),
        [round_id for round_id, _, _ in rationed],
        [household for _, household, _ in rationed],
        [item for _, _, item in rationed],
        list(rationed.values()),
        [ceilings[key] for key in rationed],
        [new_id() for _ in full],
        full,
    ]


def event_payload(order: PlacedOrder) -> str:
    """``order.placed`` as the contract writes it (held by a test), without building its models."""
    return orjson.dumps(
        {
            "id": order.id,
            "version": 1,
            "area": order.area,
            "code": order.code,
            "round_id": order.round_id,
            "purchase_id": order.purchase_id,
            "household_id": order.household_id,
            "channel": order.channel,
            "state": "placed",
            "reason": None,
            "handover": order.handover,
            "lines": [
                {
                    "id": line.id,
                    "item_id": line.item_id,
                    "requested": line.requested,
                    "confirmed": None,
                    "allocated": None,
                    "received": None,
                    "handed_over": None,
                    "unit_price_fen": line.unit_price_fen,
                    "substitute_for": None,
                }
                for line in order.lines
            ],
            "owed_fen": order.owed_fen,
        }
    ).decode()
