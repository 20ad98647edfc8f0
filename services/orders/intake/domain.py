"""When may an order be placed, changed, cancelled?

One clock decides: PostgreSQL's ``now()`` of the transaction that takes the order. Residents order while the round is
open and its cut-off is to come. What was taken by telephone, on paper or in a chat before the cut-off may be keyed
until ``late_entry_until``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from shared.areas import covers
from shared.auth import Principal
from shared.machine import Machine
from shared.problems import Conflict, FieldError, Forbidden, Invalid, NotFound, Problem, invalid

Channel = Literal["app", "phone", "paper", "chain"]
Handover = Literal["gate", "door"]
Substitution = Literal["swap", "refund", "call"]

ORDER = Machine(
    "order",
    {
        "placed": {"amend": "amended", "lock": "locked", "cancel": "cancelled"},
        "amended": {"amend": "amended", "lock": "locked", "cancel": "cancelled"},
        "locked": {"fulfil": "fulfilled", "cancel": "cancelled"},
    },
)
CLOCK_SLACK = timedelta(minutes=5)
"""How far a client's clock may be ahead when it says when an order was taken."""


@dataclass(frozen=True)
class Wish:
    """One line of what a household wants."""

    item_id: UUID
    qty: int
    substitution: Substitution = "refund"
    swap_item_id: UUID | None = None


@dataclass(frozen=True)
class RoundNow:
    """What intake must know of a round, read under its lock."""

    id: UUID
    area: str
    number: int
    purchase_id: UUID
    state: str
    cut_off_at: datetime
    late_entry_until: datetime
    handover_default: Handover
    max_line_qty: int
    days_between_orders: int


@dataclass
class Stock:
    """One item of a purchase, under its lock; ``left`` falls as orders are accepted."""

    item_id: UUID
    price_fen: int
    left: int
    ration: int | None


def must_take(round: RoundNow, channel: Channel, taken_at: datetime | None, now: datetime) -> None:
    """Raises Conflict (round_closed) when the order comes too late or too early, Invalid for a wrong ``taken_at``."""
    if channel == "app":
        if taken_at is not None:
            raise invalid(
                "/taken_at",
                "not_allowed",
                "线上下单以系统时间为准。",
                "An app order counts when it arrives; leave taken_at out.",
            )
        if round.state != "open" or now >= round.cut_off_at:
            raise _closed(round)
        return
    if round.state not in ("open", "late_entry") or now >= round.late_entry_until:
        raise _closed(round)
    taken = taken_at or now
    if taken > now + CLOCK_SLACK:
        raise invalid("/taken_at", "in_the_future", "接单时间不能在将来。", "taken_at lies in the future.")
    if taken > round.cut_off_at:
        raise _closed(round)


def _closed(round: RoundNow) -> Conflict:
    return Conflict(
        (
            "本轮未在接单时间内, 请等待下一轮。",
            "The round takes no orders at this time; see its times, or wait for the next round.",
        ),
        code="round_closed",
        state=round.state,
    )


def reach(who: Principal, household: Mapping[str, Any] | None, channel: Channel, now: datetime) -> UUID | None:
    """Whether the caller may order for the household; returns the proxy consent it rests on, if it rests on one.

    A resident needs a confirmed claim, or the household's consent to that person. Staff need the household in their
    area, or else it is not found, and its consent. Raises NotFound, or Forbidden (consent_required).
    """
    if household is None:
        raise no_household()
    consent = _consent(who, household, now)
    if channel != "app":
        if not who.may("orders.create_for_others", on=household["area"]):
            raise no_household()
        if consent is None:
            raise _consent_required()
        return consent
    claims = [claim for claim in household["claims"] if claim["person_id"] == str(who.id)]
    if any(claim["state"] == "confirmed" for claim in claims):
        return None
    if consent is not None:
        return consent
    if claims:
        raise Forbidden(
            (
                "您与该住户的关系尚未确认, 请联系楼栋长或社区。",
                "Your claim on this household is not confirmed; ask the building head or the community.",
            )
        )
    if who.may("orders.create_for_others", on=household["area"]):
        raise _consent_required()
    raise no_household()


def _consent(who: Principal, household: Mapping[str, Any], now: datetime) -> UUID | None:
    """A consent of the household, still valid, to this person or to a role that the caller holds around it."""
    for consent in household["consents"]:
        if datetime.fromisoformat(consent["until"]) <= now:
            continue
        if consent["person_id"] == str(who.id) or _holds(who, consent, household["area"]):
            return UUID(consent["id"])
    return None


def _holds(who: Principal, consent: Mapping[str, Any], home: str) -> bool:
    if consent["role"] is None or (consent["area"] is not None and not covers(consent["area"], home)):
        return False
    return any(g.role == consent["role"] and g.area is not None and covers(g.area, home) for g in who.grants)


def no_household() -> NotFound:
    return NotFound(
        (
            "没有找到该住户; 请先认领, 已认领的请等待楼栋长或社区确认。",
            "There is no such household within your reach; claim it, or wait until your claim is confirmed.",
        )
    )


def _consent_required() -> Forbidden:
    return Forbidden(
        (
            "代下单需要该住户的有效委托。",
            "Ordering for a household needs its consent; record a proxy consent first.",
        ),
        code="consent_required",
    )


def priced(wishes: Sequence[Wish], stock: Mapping[UUID, Stock], max_qty: int) -> int:
    """Fen that the lines cost. Raises Invalid with a pointer per wrong line."""
    errors: list[FieldError] = []
    seen: set[UUID] = set()
    for index, wish in enumerate(wishes):
        errors += _line_errors(wish, stock, max_qty, f"/lines/{index}")
        if wish.item_id in seen:
            text = ("同一商品只能列一次。", "List each item once; add the quantities.")
            errors.append(FieldError(f"/lines/{index}/item_id", "duplicate", text))
        seen.add(wish.item_id)
    if errors:
        raise Invalid(errors[0].detail, errors=errors)
    return sum(wish.qty * stock[wish.item_id].price_fen for wish in wishes)


def _line_errors(wish: Wish, stock: Mapping[UUID, Stock], max_qty: int, at: str) -> list[FieldError]:
    item = stock.get(wish.item_id)
    if item is None:
        text = ("本轮没有此商品。", "The round does not sell this item; read its offers.")
        return [FieldError(f"{at}/item_id", "unknown", text)]
    errors = []
    if wish.qty > max_qty:
        text = (f"最多 {max_qty}。", f"At most {max_qty} of an item per order.")
        errors.append(FieldError(f"{at}/qty", "too_large", text, params={"max": max_qty}))
    if wish.substitution != "swap":
        if wish.swap_item_id is not None:
            text = ("仅在选择替换时填写。", "Only for substitution 'swap'.")
            errors.append(FieldError(f"{at}/swap_item_id", "not_allowed", text))
        return errors
    swap = stock.get(wish.swap_item_id) if wish.swap_item_id else None
    if swap is None or swap.item_id == wish.item_id or swap.price_fen > item.price_fen:
        text = ("须为本轮中价格不高于原商品的另一种商品。", "Name another item of the round that costs no more.")
        errors.append(FieldError(f"{at}/swap_item_id", "no_swap", text))
    return errors


@dataclass(frozen=True)
class Want:
    """What a line adds to what its household has: ``index`` of the line, ``more`` units (negative: fewer)."""

    index: int
    item_id: UUID
    more: int


def short(wants: Sequence[Want], stock: Mapping[UUID, Stock], used: Mapping[UUID, int]) -> Problem | None:
    """The refusal when a household's ration or the stock does not allow all of it; None when it fits.

    ``used``: units of each rationed item that the household has in this round.
    """
    quota = []
    stock_out = []
    for want in wants:
        item = stock[want.item_id]
        if item.ration is not None and want.more > 0 and used.get(want.item_id, 0) + want.more > item.ration:
            quota.append((want, max(0, item.ration - used.get(want.item_id, 0))))
        elif want.more > item.left:
            stock_out.append((want, item.left))
    if quota:
        return Conflict(
            ("超过本轮每户限购数量。", "More than a household may have of it in this round; lower the quantity."),
            code="quota_used",
            errors=[_left_error(want, left, "quota") for want, left in quota],
        )
    if stock_out:
        return Conflict(
            ("库存不足, 请减少数量或更换商品。", "Not enough is left; lower the quantity or choose something else."),
            code="out_of_stock",
            errors=[_left_error(want, left, "stock") for want, left in stock_out],
        )
    return None


def _left_error(want: Want, left: int, code: str) -> FieldError:
    text = (f"还可订 {left}。", f"{left} left for you." if code == "quota" else f"{left} left.")
    return FieldError(f"/lines/{want.index}/qty", code, text, params={"left": left})


def round_is_full() -> Conflict:
    return Conflict(
        ("本轮名额已满。", "The round has as many orders as it can take; wait for the next one."), code="limit_reached"
    )


def ordered_recently(days: int) -> Conflict:
    return Conflict(
        (
            f"每户 {days} 天内只能参加一次团购。",
            f"A household may order once in {days} days; amend the order it has, or wait.",
        ),
        code="quota_used",
    )
