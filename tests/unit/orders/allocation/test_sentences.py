"""What a household is told: its own numbers, why, and what becomes of the rest; nothing about anybody else."""

from dataclasses import replace
from uuid import UUID

import pytest

from services.orders.allocation.domain import Claim
from services.orders.allocation.sentences import Asked, sentences
from services.orders.allocation.substitution import Missing, Settlement
from tests.unit.orders.allocation.claims import household

pytestmark = pytest.mark.feature("O8")
LINE = UUID(int=7)
ASKED = {LINE: Asked("五常大米", "袋", 5, 2, "面粉", "袋")}


def _settlement(swapped: int = 0, refunded: int = 0, to_call: int = 0, cut_last: bool = False) -> Settlement:
    claim = Claim(LINE, household(1), 3, weight=4, deficit=2, cut_last=cut_last)
    missing = Missing(claim, UUID(int=8), UUID(int=9), household(1), 1250, "swap", UUID(int=10))
    return Settlement(missing, swapped, refunded, to_call, 1000)


def test_it_says_what_was_asked_what_is_given_and_what_becomes_of_the_rest() -> None:
    zh, en = sentences("confirmed_short", [_settlement(swapped=1, refunded=2)], ASKED)
    assert "“五常大米”您要 5袋, 分到 2袋; 少的1袋换成“面粉”, 2袋退款 ¥25.00。" in zh
    assert "五常大米: you asked for 5 and get 2; of the rest 1 swapped for 面粉, 2 refunded, ¥25.00." in en


def test_it_says_why() -> None:
    for reason, zh_why, en_why in (
        ("confirmed_short", "商店供货不足", "cannot deliver everything"),
        ("received_short", "到货数量少于商店确认", "Less came off the truck"),
    ):
        zh, en = sentences(reason, [_settlement(refunded=3)], ASKED)
        assert zh_why in zh
        assert en_why in en
        assert "公示规则" in zh
        assert "published rule" in en


def test_it_says_who_comes_first_only_to_whom_that_happened() -> None:
    assert "您上次少分" in sentences("confirmed_short", [_settlement(refunded=3, cut_last=True)], ASKED)[0]
    assert "您上次少分" not in sentences("confirmed_short", [_settlement(refunded=3)], ASKED)[0]


def test_it_announces_a_call() -> None:
    zh, en = sentences("confirmed_short", [_settlement(to_call=3)], ASKED)
    assert "3袋会有人打电话与您商量" in zh
    assert "3 to be settled with you by telephone" in en


def test_it_never_says_how_much_a_household_weighs() -> None:
    one = _settlement(refunded=3)
    heavier = replace(one, missing=replace(one.missing, claim=replace(one.missing.claim, weight=1)))
    assert sentences("confirmed_short", [one], ASKED) == sentences("confirmed_short", [heavier], ASKED)
