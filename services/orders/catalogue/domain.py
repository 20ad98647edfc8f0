"""Who may sell what to whom, and where a price comes from.

A store sells to a community only while the community's own agreement with it is active. Every price comes from a list
that the store's manager has signed; a signed list never changes, a new price is a new list.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from services.orders.catalogue.tables import PriceList, StorePairing
from shared.machine import Machine
from shared.problems import Forbidden

PAIRING = Machine("store_pairing", {"active": {"end": "ended"}})
PRICE_LIST = Machine("price_list", {"draft": {"sign": "signed"}})


def end(pairing: StorePairing, reason: str, now: datetime) -> str | None:
    """Ends it. Returns the event that happened, or None if it had ended."""
    if (state := PAIRING.step(pairing.state, "end")) == pairing.state:
        return None
    pairing.state, pairing.reason, pairing.ended_at = state, reason, now
    pairing.version += 1
    return "store_pairing.ended"


def sign(prices: PriceList, by: UUID, now: datetime) -> str | None:
    """Makes it immutable and usable. Returns the event that happened, or None if it was signed."""
    if (state := PRICE_LIST.step(prices.state, "sign")) == prices.state:
        return None
    prices.state, prices.signed_by, prices.signed_at = state, by, now
    prices.version += 1
    return "price_list.signed"


def in_force(prices: PriceList, at: datetime) -> bool:
    """Whether the list is signed and its time includes ``at``."""
    started = prices.state == "signed" and prices.valid_from <= at
    return started and (prices.valid_until is None or at < prices.valid_until)


def weight_of(contents: Iterable[tuple[int, int]]) -> int:
    """Grams of a package from (grams, quantity) of what is in it."""
    return sum(grams * qty for grams, qty in contents)


def agreement_required() -> Forbidden:
    return Forbidden(
        (
            "该社区与此商店没有有效的团购合作协议, 请先由社区确认协议。",
            "The community has no active agreement with this store for group buying; the community's own people must"
            " accept one first.",
        ),
        code="agreement_required",
    )
