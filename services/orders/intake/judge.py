"""Accepts or refuses each order of a batch by itself, on what was read under the locks. Pure: no I/O.

Orders are judged in the order in which they came; what one takes is no longer there for the next.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from services.orders.intake import domain
from services.orders.intake.domain import Channel, Handover, RoundNow, Stock, Want, Wish
from shared.answers import id_conflict
from shared.areas import covers
from shared.auth import Principal
from shared.database import unknown_reference
from shared.idempotency import key_in_flight, key_reused
from shared.identifiers import make_code
from shared.ids import new_id
from shared.problems import NotYetKnown, invalid

OnceKey = tuple[UUID, str, str]
"""(caller, route, Idempotency-Key)."""


@dataclass(frozen=True, slots=True)
class Intent:
    """An order that somebody wants to place. ``headers``: JSON of the correlation id for the event.

    ``once`` is None where the caller has another guard against doing it twice (a client id, a sheet's number).
    """

    who: Principal
    round_id: UUID
    household_id: UUID
    channel: Channel
    lines: tuple[Wish, ...]
    once: OnceKey | None = None
    fingerprint: bytes = b""
    id: UUID | None = None
    taken_at: datetime | None = None
    handover: Handover | None = None
    headers: str = "{}"


@dataclass(slots=True)
class PlacedLine:
    id: UUID
    item_id: UUID
    requested: int
    unit_price_fen: int
    substitution: str
    swap_item_id: UUID | None

    @property
    def charged_fen(self) -> int:
        return self.requested * self.unit_price_fen


@dataclass(slots=True)
class PlacedOrder:
    """An accepted order with what its rows and its event need."""

    id: UUID
    area: str
    community_area: str
    code: str
    round_id: UUID
    purchase_id: UUID
    household_id: UUID
    buyer_id: UUID | None
    placed_by: UUID
    channel: str
    consent_id: UUID | None
    handover: str
    taken_at: datetime
    placed_at: datetime
    owed_fen: int
    days_apart: int
    lines: list[PlacedLine]
    intent: Intent = field(repr=False)


@dataclass(frozen=True, slots=True)
class Existing:
    """Nothing new happens: the key was used for this order (``replayed``), or the client's id names it."""

    order_id: UUID
    replayed: bool


@dataclass(frozen=True, slots=True)
class Known:
    """An order that the client's id names already."""

    round_id: UUID
    household_id: UUID
    channel: str
    placed_by: UUID
    lines: Mapping[UUID, int]
    """Item → quantity; empty once it was amended."""


@dataclass(slots=True)
class Room:
    """What a round can still take. ``capacity_left``: orders; None = no limit."""

    capacity_left: int | None
    next_number: int
    taken: int = 0


@dataclass
class Book:
    """What was read under the locks, and what this batch has taken of it so far."""

    now: datetime
    rounds: dict[UUID, RoundNow] = field(default_factory=dict)
    rooms: dict[UUID, Room] = field(default_factory=dict)
    stock: dict[UUID, dict[UUID, Stock]] = field(default_factory=dict)
    households: dict[UUID, Mapping[str, Any]] = field(default_factory=dict)
    keys: dict[OnceKey, tuple[bytes, UUID]] = field(default_factory=dict)
    busy: set[OnceKey] = field(default_factory=set)
    orders: dict[UUID, Known] = field(default_factory=dict)
    used: dict[tuple[UUID, UUID], dict[UUID, int]] = field(default_factory=dict)
    """(round, household) → rationed item → units."""
    bought: set[UUID] = field(default_factory=set)
    """Households whose last group buy still counts."""


def judge(book: Book, intent: Intent) -> PlacedOrder | Existing:
    """The order, taken from the book. Raises the Problem that refuses it; then the book is as before."""
    if (there := _key_used(book, intent)) is not None:
        return there
    household = book.households.get(intent.household_id)
    if household is None:
        refusal = unknown_reference(intent.household_id, "/household_id")
        raise refusal if isinstance(refusal, NotYetKnown) else domain.no_household()
    consent_id = domain.reach(intent.who, household, intent.channel, book.now)
    home = UUID(household["id"])
    if intent.id is not None and (known := book.orders.get(intent.id)) is not None:
        if not _same(known, intent, home):
            raise id_conflict()
        return Existing(intent.id, replayed=False)
    round = _round(book, intent, household["area"])
    stock = book.stock.get(round.purchase_id, {})
    owed = domain.priced(intent.lines, stock, round.max_line_qty)
    room = book.rooms[round.id]
    if room.capacity_left is not None and room.capacity_left < 1:
        raise domain.round_is_full()
    if round.days_between_orders and home in book.bought:
        raise domain.ordered_recently(round.days_between_orders)
    used = book.used.setdefault((round.id, home), {})
    wants = [Want(index, line.item_id, line.qty) for index, line in enumerate(intent.lines)]
    if (refusal_ := domain.short(wants, stock, used)) is not None:
        raise refusal_
    _take(book, round, wants, used, home)
    return _placed(book, intent, round, room, home, household["area"], consent_id, owed)


def _key_used(book: Book, intent: Intent) -> Existing | None:
    if intent.once is None:
        return None
    if intent.once in book.busy:
        raise key_in_flight()
    if (seen := book.keys.get(intent.once)) is None:
        return None
    if seen[0] != intent.fingerprint:
        raise key_reused()
    return Existing(seen[1], replayed=True)


def _same(known: Known, intent: Intent, home: UUID) -> bool:
    asked = {line.item_id: line.qty for line in intent.lines}
    return (known.round_id, known.household_id, known.channel, known.placed_by) == (
        intent.round_id,
        home,
        intent.channel,
        intent.who.id,
    ) and (not known.lines or known.lines == asked)


def _round(book: Book, intent: Intent, home_area: str) -> RoundNow:
    round = book.rounds.get(intent.round_id)
    if round is None:
        raise unknown_reference(intent.round_id, "/round_id")
    if not covers(round.area, home_area):
        raise invalid(
            "/round_id",
            "other_community",
            "该住户不在本轮所属社区。",
            "The household does not live in this round's community; choose a round of its own.",
        )
    domain.must_take(round, intent.channel, intent.taken_at, book.now)
    return round


def _take(book: Book, round: RoundNow, wants: list[Want], used: dict[UUID, int], home: UUID) -> None:
    stock = book.stock[round.purchase_id]
    for want in wants:
        stock[want.item_id].left -= want.more
        if stock[want.item_id].ration is not None:
            used[want.item_id] = used.get(want.item_id, 0) + want.more
    room = book.rooms[round.id]
    room.taken += 1
    if room.capacity_left is not None:
        room.capacity_left -= 1
    if round.days_between_orders:
        book.bought.add(home)


def order_code(round_number: int, number: int) -> str:
    """The digits that people say: the round's number, the order's within it, a check digit. Unique per round."""
    digits = f"{round_number}{number:04}"
    return make_code(int(digits), len(digits) + 1)


def _placed(
    book: Book,
    intent: Intent,
    round: RoundNow,
    room: Room,
    home: UUID,
    area: str,
    consent_id: UUID | None,
    owed_fen: int,
) -> PlacedOrder:
    number, room.next_number = room.next_number, room.next_number + 1
    stock = book.stock[round.purchase_id]
    return PlacedOrder(
        id=intent.id or new_id(),
        area=area,
        community_area=round.area,
        code=order_code(round.number, number),
        round_id=round.id,
        purchase_id=round.purchase_id,
        household_id=home,
        buyer_id=intent.who.id if intent.channel == "app" else None,
        placed_by=intent.who.id,
        channel=intent.channel,
        consent_id=consent_id,
        handover=intent.handover or round.handover_default,
        taken_at=intent.taken_at or book.now,
        placed_at=book.now,
        owed_fen=owed_fen,
        days_apart=round.days_between_orders,
        lines=[
            PlacedLine(
                id=new_id(),
                item_id=line.item_id,
                requested=line.qty,
                unit_price_fen=stock[line.item_id].price_fen,
                substitution=line.substitution,
                swap_item_id=line.swap_item_id,
            )
            for line in intent.lines
        ],
        intent=intent,
    )
