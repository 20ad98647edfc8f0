"""What a household is to others (a thin state), and what stays sealed: door, contact, vulnerability flags."""

import re
import unicodedata
from collections.abc import Collection
from typing import Literal, get_args

from shared.machine import Machine

HOUSEHOLD = Machine("household", {"active": {"merge": "merged"}, "merged": {}})

Flag = Literal["elderly_alone", "disabled", "infant", "chronic_disease", "pregnant", "minor_alone"]
Notify = Literal["inbox", "sms", "call", "slip"]
ConsentHow = Literal["written", "oral", "app"]

FLAGS: frozenset[str] = frozenset(get_args(Flag))
NOTIFY: frozenset[str] = frozenset(get_args(Notify))
CONSENT_HOW: frozenset[str] = frozenset(get_args(ConsentHow))

_WEIGHTS = {"pregnant": 1}
_UNIT = re.compile(r"[0-9A-Z]{1,8}(-[0-9A-Z]{1,8})?")
BASIS_EMERGENCY = "emergency"


class BadUnit(ValueError):
    """A door that nobody could find."""

    code = "unit"


def priority_class(flags: Collection[str]) -> int:
    """0 without flags; 1 or 2 by the gravest; one more, up to 3, when there are several. What the class weighs in a
    shortage is policy (``shortage.weights``)."""
    if not flags:
        return 0
    return min(3, max(_WEIGHTS.get(flag, 2) for flag in flags) + (len(set(flags)) > 1))


def normal_unit(text: str) -> str:
    """``１２０１室`` → ``1201``: the one form in which a door is stored and looked up. Raises BadUnit."""
    unit = re.sub(r"[\s室号房]", "", unicodedata.normalize("NFKC", text)).upper()
    if not _UNIT.fullmatch(unit):
        raise BadUnit("室号须为数字或字母, 如 1201。|A door is digits or letters, such as 1201.")
    return unit


def door_text(area: str, unit: str) -> str:
    """What the look-up key of a door is made from."""
    return f"{area}|{unit}"


def written_door(floor: int | None, unit: str) -> str:
    """Floor and unit as one sealed field."""
    return f"{'' if floor is None else floor}|{unit}"


def read_door(written: str) -> tuple[int | None, str]:
    floor, _, unit = written.partition("|")
    return (int(floor) if floor else None), unit


def flags_basis(how: str | None, under_emergency: bool) -> str | None:
    """The ground on which flags may be kept: the person's consent, or the emergency (PIPL 13(4), 29); None: none."""
    if how is not None:
        return f"consent_{how}"
    return BASIS_EMERGENCY if under_emergency else None


def notify_default(phone: str | None) -> Notify:
    """How a household is told when it did not say."""
    return "sms" if phone else "slip"
