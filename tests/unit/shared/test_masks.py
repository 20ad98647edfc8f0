"""Masks, and the wall before the log."""

import json
from uuid import UUID, uuid4

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from shared.masks import drop_personal, mask_door, mask_id, mask_name, mask_phone, mask_text

ID_NUMBER = "11010519491231002X"
PHONES = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
_AROUND = st.text(st.characters(exclude_categories=["Nd", "Cs"], exclude_characters="+-%"), max_size=20)


@pytest.mark.parametrize(
    ("phone", "masked"),
    [("13800138000", "138****8000"), ("+8613800138000", "138****8000"), ("02783691234", "***********"), ("", "")],
)
def test_phone(phone: str, masked: str) -> None:
    assert mask_phone(phone) == masked


@pytest.mark.parametrize(("name", "masked"), [("王小明", "王**"), ("王", "*"), ("", ""), ("欧阳娜娜", "欧***")])
def test_name(name: str, masked: str) -> None:
    assert mask_name(name) == masked


def test_id_and_door() -> None:
    assert mask_id(ID_NUMBER) == "1****************X"
    assert mask_id("1X") == "**"
    assert mask_door("3-1201") == "*-****"


@pytest.mark.promise("PD2")
@given(_AROUND, PHONES, _AROUND)
def test_a_phone_is_masked_wherever_it_stands(before: str, phone: str, after: str) -> None:
    assert phone not in mask_text(before + phone + after)
    spaced = f"{phone[:3]} {phone[3:7]} {phone[7:]}"
    assert mask_text(before + spaced + after) == before + mask_phone(phone) + after


@pytest.mark.promise("PD2")
@pytest.mark.parametrize(
    "text",
    [
        "+86 138-0013-8000",
        "008613800138000",
        "8613800138000",
        "tel:13800138000",
        "?phone=%2B8613800138000",
        "%2013800138000",
        "(13800138000)",
        "13800138000,13800138000",
        ID_NUMBER,
        ID_NUMBER.lower(),
        f"id={ID_NUMBER};",
        f"身份证{ID_NUMBER}",
    ],
)
def test_nothing_readable_is_left(text: str) -> None:
    masked = mask_text(text)
    assert "****" in masked
    assert "0013" not in masked
    assert "19491231" not in masked


@pytest.mark.parametrize(
    "text",
    [
        "0195f3c0-1111-7111-8111-a13800138000",
        "1582000000000000",
        "2020-02-17T10:00:00.000Z",
        "138001380001",
        "offset 42",
    ],
)
def test_what_is_not_personal_stays(text: str) -> None:
    assert mask_text(text) == text


@given(st.uuids())
def test_ids_stay_whole(made: UUID) -> None:
    assert mask_text(f"order {made}") == f"order {made}"


@pytest.mark.promise("PD2")
def test_the_log_processor_reaches_every_value(capsys: pytest.CaptureFixture[str]) -> None:
    class Careless:
        def __repr__(self) -> str:
            return "Careless(13800138000)"

    logger = structlog.wrap_logger(
        structlog.PrintLogger(),
        processors=[structlog.processors.format_exc_info, drop_personal, structlog.processors.JSONRenderer()],
    )
    try:
        raise ValueError("13800138000")
    except ValueError:
        logger.exception(
            "call 13800138000",
            deep={"13800138000": [("13800138000", ID_NUMBER), {"13800138000"}]},
            object=Careless(),
            raw=b"13800138000",
            count=7,
            ok=True,
            none=None,
            id=uuid4(),
        )
    line = capsys.readouterr().out
    assert "13800138000" not in line
    assert ID_NUMBER not in line
    event = json.loads(line)
    assert (event["count"], event["ok"], event["none"]) == (7, True, None)
    assert "138****8000" in event["event"]
