"""Money in whole fen: strict on the wire, readable on paper."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.money import MAX_FEN, BadAmount, Money, Price, display, fen_from_yuan

FEN = st.integers(-MAX_FEN, MAX_FEN)


def test_wire_form() -> None:
    assert Money.of(7000).model_dump() == {"amount_fen": 7000, "currency": "CNY"}
    assert Money.model_validate_json('{"amount_fen": 7000, "currency": "CNY"}') == Money.of(7000)


@pytest.mark.parametrize(
    "bad",
    [
        '{"amount_fen": 70.0, "currency": "CNY"}',
        '{"amount_fen": "7000", "currency": "CNY"}',
        '{"amount_fen": true, "currency": "CNY"}',
        '{"amount_fen": 7000, "currency": "USD"}',
        '{"amount_fen": 7000}',
        '{"amount_fen": 7000, "currency": "CNY", "yuan": 70}',
        '{"amount_fen": 9007199254740992, "currency": "CNY"}',
        '{"amount_fen": -9007199254740992, "currency": "CNY"}',
    ],
)
def test_anything_but_whole_fen_is_refused(bad: str) -> None:
    with pytest.raises(ValidationError):
        Money.model_validate_json(bad)


def test_schema_has_no_defaults() -> None:
    """A default would split the schema into one for requests and one for answers."""
    schema = Money.model_json_schema()
    assert schema["required"] == ["amount_fen", "currency"]
    assert "default" not in str(schema)


def test_a_price_is_never_negative() -> None:
    prices = TypeAdapter(Price)
    assert prices.validate_python(Money.of(0)) == Money.of(0)
    with pytest.raises(ValidationError):
        prices.validate_python(Money.of(-1))


@pytest.mark.parametrize(
    ("fen", "text"),
    [(7000, "¥70.00"), (5, "¥0.05"), (-123_450, "-¥1,234.50"), (0, "¥0.00"), (MAX_FEN, "¥90,071,992,547,409.91")],
)
def test_display(fen: int, text: str) -> None:
    assert display(fen) == text
    assert str(Money.of(fen)) == text


@given(FEN)
def test_what_is_shown_reads_back(fen: int) -> None:
    assert fen_from_yuan(display(fen)) == fen
    assert fen_from_yuan(f"{Decimal(fen).scaleb(-2):f}") == fen


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("70", 7000),
        ("70.5", 7050),
        ("70.50元", 7050),
        ("￥1，234．5", 123_450),
        (" ¥ 70 ", 7000),
        ("-3.00", -300),
        ("70.500", 7050),
        ("７０", 7000),
    ],
)
def test_written_amounts(text: str, fen: int) -> None:
    assert fen_from_yuan(text) == fen


@pytest.mark.parametrize(
    "text", ["", "七十", "70.505", "1e3", "1,23", "70.", ".5", "--1", "99999999999999", "NaN", "0x10"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(BadAmount) as caught:
        fen_from_yuan(text)
    assert caught.value.code == "bad_amount"
