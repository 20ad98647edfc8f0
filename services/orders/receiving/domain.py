"""What came off the truck, compared with what was ordered and confirmed.

A receipt covers a place: the truck comes to every community's gate, so usually there is a receipt per community; a
truck that unloads at one gate for several has one receipt for the area that covers them. What arrived together is
shared together: a shortage of a receipt is borne by the households of its area, because goods that stand at another
gate cannot be given to them. Receipts of a purchase never overlap.

So that at every moment, of every item, allocated ≤ confirmed, allocated ≤ received once received, and nothing is left
while a line is short, also over all receipts together: a receipt takes no more than the store confirmed for its area.
More than that stays on the truck.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from shared.areas import covers
from shared.machine import Machine
from shared.problems import Conflict, FieldError, Invalid

RECEIPT = Machine("goods_receipt", {"draft": {"complete": "completed"}})
RecallReason = Literal["contaminated", "spoiled", "wrong_goods", "ordered_by_authority", "other"]


@dataclass(frozen=True)
class Expected:
    """Units of an item that the households of the area ordered, and that the store confirmed for them (with swaps)."""

    item_id: UUID
    ordered: int
    confirmed: int


@dataclass(frozen=True)
class Counted:
    """Units of one lot of an item; ``damaged`` is a part of ``received``."""

    item_id: UUID
    lot_no: str
    received: int
    damaged: int

    @property
    def good(self) -> int:
        return self.received - self.damaged


def check_lines(lines: Sequence[Counted], expected: Mapping[UUID, Expected]) -> None:
    """Raises Invalid for an item that is not expected here, a lot named twice, or more than the store confirmed."""
    errors: list[FieldError] = []
    seen: set[tuple[UUID, str]] = set()
    good: dict[UUID, int] = {}
    for index, line in enumerate(lines):
        at = f"/lines/{index}"
        of_item = expected.get(line.item_id)
        most = of_item.confirmed if of_item else 0
        good[line.item_id] = good.get(line.item_id, 0) + line.good
        if of_item is None:
            errors.append(FieldError(f"{at}/item_id", "unknown", ("此处未确认该商品", "Not confirmed for this place")))
        elif (line.item_id, line.lot_no) in seen:
            errors.append(FieldError(f"{at}/lot_no", "duplicate", ("同一批次只能列一次", "Name each lot once")))
        elif line.damaged > line.received:
            detail = ("损坏数不得多于到货数", "No more can be damaged than came")
            errors.append(FieldError(f"{at}/damaged", "too_large", detail, params={"max": line.received}))
        elif good[line.item_id] > most:
            detail = (f"最多收 {most}, 多出的请退回车上", f"Take at most {most}; leave the rest on the truck")
            errors.append(FieldError(f"{at}/received", "too_large", detail, params={"max": most}))
        seen.add((line.item_id, line.lot_no))
    if errors:
        raise Invalid(errors[0].detail, errors=errors)


def check_complete(counted: Iterable[UUID], expected: Mapping[UUID, Expected]) -> None:
    """Raises Conflict while an item that was confirmed for this place is not counted (0 if none came)."""
    waiting = {item_id for item_id, e in expected.items() if e.confirmed} - set(counted)
    if waiting:
        raise Conflict(
            (
                f"还有 {len(waiting)} 种商品未清点, 没到的请填 0。",
                f"{len(waiting)} item(s) are not counted yet; enter 0 for what did not come.",
            ),
            code="limit_reached",
        )


def overlaps(area: str, others: Iterable[str]) -> bool:
    """Whether a receipt for ``area`` would cover a place that another one covers."""
    return any(covers(area, other) or covers(other, area) for other in others)
