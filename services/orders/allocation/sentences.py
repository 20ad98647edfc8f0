"""What a household is told when it gets less than it asked for: why, what it gets, what becomes of the rest.

Never about anybody else, and never how much its need weighs: a slip of paper may be read by others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from services.orders.allocation.substitution import Settlement
from shared.money import display


@dataclass(frozen=True)
class Asked:
    """A line that came short: its item, its numbers, and the item it may be swapped for (empty for none)."""

    name: str
    unit: str
    requested: int
    allocated: int
    swap_name: str
    swap_unit: str


OPENING = {
    "confirmed_short": ("本次采购商店供货不足。", "The store cannot deliver everything that was ordered."),
    "received_short": ("到货数量少于商店确认的数量。", "Less came off the truck than the store had confirmed."),
}
RULE = (
    "分配按公示规则: 上次少分的先得第一份, 其余按权重逐份平均, 完全相同的抽签。",
    "Shared by the published rule: who went short last time gets its first unit first, then all are filled evenly by"
    " weight, and exact ties draw lots.",
)
BEFORE = ("您上次少分, 这次已优先。", "You went short last time, so you came first this time.")


def sentences(reason: str, settlements: Sequence[Settlement], asked: Mapping[UUID, Asked]) -> tuple[str, str]:
    """(Chinese, English) for one household: ``settlements`` are its lines that came short."""
    zh, en = [OPENING[reason][0]], [OPENING[reason][1]]
    for settlement in settlements:
        line = asked[settlement.missing.claim.line_id]
        zh.append(_chinese(settlement, line))
        en.append(_english(settlement, line))
    closing = [RULE]
    if any(s.missing.claim.cut_last for s in settlements):
        closing.insert(0, BEFORE)
    return "".join((*zh, *(text[0] for text in closing))), " ".join((*en, *(text[1] for text in closing)))


def _chinese(s: Settlement, line: Asked) -> str:
    rest = []
    if s.swapped:
        rest.append(f"{s.swapped}{line.swap_unit}换成“{line.swap_name}”")
    if s.refunded:
        rest.append(f"{s.refunded}{line.unit}退款 {display(s.refunded * s.missing.unit_price_fen)}")
    if s.to_call:
        rest.append(f"{s.to_call}{line.unit}会有人打电话与您商量")
    return f"“{line.name}”您要 {line.requested}{line.unit}, 分到 {line.allocated}{line.unit}; 少的{', '.join(rest)}。"


def _english(s: Settlement, line: Asked) -> str:
    rest = []
    if s.swapped:
        rest.append(f"{s.swapped} swapped for {line.swap_name}")
    if s.refunded:
        rest.append(f"{s.refunded} refunded, {display(s.refunded * s.missing.unit_price_fen)}")
    if s.to_call:
        rest.append(f"{s.to_call} to be settled with you by telephone")
    return f"{line.name}: you asked for {line.requested} and get {line.allocated}; of the rest {', '.join(rest)}."
