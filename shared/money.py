"""Money is a whole number of fen (1 yuan = 100 fen); no float ever touches it.

On the wire ``{"amount_fen": 7000, "currency": "CNY"}``, within what a JavaScript number holds exactly. Tables keep the
fen as ``bigint``; sums are taken over fen.
"""

import re
import unicodedata
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_FEN = 2**53 - 1

Fen = Annotated[int, Field(strict=True, ge=-MAX_FEN, le=MAX_FEN)]
"""An amount in fen; text, floats and booleans are refused."""

_YUAN = re.compile(r"([+-]?)[¥￥]?(\d{1,14}|\d{1,3}(?:,\d{3}){1,4})(?:\.(\d{1,2})0*)?元?", re.ASCII)


class BadAmount(ValueError):
    """A text that is no amount of yuan, or an amount out of bounds; the message is ``Chinese|English``."""

    code = "bad_amount"


class Money(BaseModel):
    """An amount as requests and answers carry it. Both fields are always written; negative means owed the other way."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount_fen: Fen
    currency: Literal["CNY"]

    @classmethod
    def of(cls, fen: int) -> Self:
        """The amount of ``fen``. Raises pydantic's ValidationError beyond ±(2⁵³-1)."""
        return cls(amount_fen=fen, currency="CNY")

    def __str__(self) -> str:
        return display(self.amount_fen)


def _not_negative(money: Money) -> Money:
    if money.amount_fen < 0:
        raise BadAmount("金额不能为负|The amount must not be negative")
    return money


Price = Annotated[Money, AfterValidator(_not_negative)]
"""Money that is never negative: a price, a payment, a refund."""


def display(fen: int) -> str:
    """``¥70.00``, ``-¥1,234.50``: for people, never parsed again."""
    yuan, rest = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}¥{yuan:,}.{rest:02}"


def fen_from_yuan(text: str) -> int:
    """Fen that a written amount in yuan means: ``70``, ``¥1,234.50``, ``70.5元``, full-width too.

    Raises BadAmount for anything else, and for parts of a fen.
    """
    compact = "".join(unicodedata.normalize("NFKC", text).split())
    found = _YUAN.fullmatch(compact)
    if found is None:
        raise BadAmount("金额(元)最多两位小数, 如 70.50|An amount in yuan has at most two decimals, such as 70.50")
    sign, yuan, decimals = found[1], found[2].replace(",", ""), (found[3] or "").ljust(2, "0")
    fen = int(yuan) * 100 + int(decimals)
    if fen > MAX_FEN:
        raise BadAmount("金额过大|The amount is too large")
    return -fen if sign == "-" else fen
