"""Codes: known vectors, python-stdnum as oracle, and every single-character error."""

import string
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from stdnum.cn import ric, uscc
from stdnum.iso7064 import mod_11_10

from shared.areas import Level, check_area
from shared.identifiers import (
    BadIdentifier,
    Phone,
    born_on,
    check_code,
    check_region_code,
    check_resident_id,
    check_uscc,
    make_code,
    normalize_phone,
)

pytestmark = pytest.mark.promise("PD9")

USCCS = ["91350100M000100Y43", "91110000600037341L"]
RESIDENT_ID = "11010519491231002X"
ALPHABET = string.digits + string.ascii_uppercase


def _wrong_by_one(value: str, alphabet: str = ALPHABET) -> list[str]:
    """The value with one character replaced by another, one left out, or one added."""
    changed = [value[:i] + c + value[i + 1 :] for i in range(len(value)) for c in alphabet if c != value[i]]
    return changed + [value[:i] + value[i + 1 :] for i in range(len(value))] + [value + c for c in alphabet]


def _refusal(check: object, text: str) -> BadIdentifier:
    with pytest.raises(BadIdentifier) as caught:
        check(text)  # type: ignore[operator]
    zh, _, en = str(caught.value).partition("|")
    assert zh
    assert en
    assert not text or text not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("known", USCCS)
def test_uscc_vectors(known: str) -> None:
    assert check_uscc(known) == uscc.validate(known) == known
    assert check_uscc(f" {known[:9].lower()} {known[9:]}\n") == known


@pytest.mark.parametrize("known", USCCS)
def test_every_single_error_in_a_uscc_is_caught(known: str) -> None:
    for wrong in _wrong_by_one(known):
        _refusal(check_uscc, wrong)


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("91350100M000100Y4", "uscc_length", None),
        ("91350100O000100Y43", "uscc_character", 9),
        ("9135010AM000100Y43", "uscc_character", 8),
        ("91350100M000100Y53", "uscc_organization_check", 17),
        ("91350100M000110Y43", "uscc_organization_check", 17),
        ("91350100M000100Y44", "uscc_check", 18),
        ("51350100M000100Y43", "uscc_check", 18),
        ("", "uscc_length", None),
    ],
)
def test_a_uscc_says_which_character_is_wrong(text: str, code: str, position: int | None) -> None:
    refusal = _refusal(check_uscc, text)
    assert (refusal.code, refusal.position) == (code, position)


def test_right_outer_check_does_not_excuse_a_wrong_inner_one() -> None:
    """python-stdnum knows the outer digit alone."""
    forged = uscc.calc_check_digit("91350100M000100Y5")
    assert uscc.is_valid(f"91350100M000100Y5{forged}")
    assert _refusal(check_uscc, f"91350100M000100Y5{forged}").code == "uscc_organization_check"


@given(st.from_regex(r"[159][1239][0-9]{6}[0-9A-HJ-NPQRTUWXY]{9}", fullmatch=True))
def test_uscc_agrees_with_the_oracle(first: str) -> None:
    candidate = first + uscc.calc_check_digit(first)
    assert uscc.is_valid(candidate)
    refusal = None
    try:
        check_uscc(candidate)
    except BadIdentifier as raised:
        refusal = raised.code
    assert refusal in (None, "uscc_organization_check")


def test_resident_id_vector() -> None:
    assert check_resident_id(" 110105 19491231 002x ") == ric.validate(RESIDENT_ID) == RESIDENT_ID
    assert born_on(RESIDENT_ID) == date(1949, 12, 31)


def test_every_single_error_in_a_resident_id_is_caught() -> None:
    for wrong in _wrong_by_one(RESIDENT_ID):
        _refusal(check_resident_id, wrong)


@given(st.dates(date(1900, 1, 1), date(2026, 1, 1)), st.integers(0, 999))
def test_resident_id_agrees_with_the_oracle(born: date, serial: int) -> None:
    first = f"420112{born:%Y%m%d}{serial:03}"
    checks = [c for c in "0123456789X" if ric.calc_check_digit(first + c) == c]
    accepted = [c for c in "0123456789X" if _accepts(first + c)]
    assert accepted == checks
    assert len(checks) == 1


def _accepts(number: str) -> bool:
    try:
        return check_resident_id(number) == number
    except BadIdentifier:
        return False


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("110105194912310", "id_length"),
        ("1101051949123100XX", "id_character"),
        ("99010519491231002X", "id_region"),
        ("11010519490231002X", "id_birth_date"),
        ("11010518991231002X", "id_birth_date"),
        ("110105194912310021", "id_check"),
    ],
)
def test_a_resident_id_says_what_is_wrong(text: str, code: str) -> None:
    assert _refusal(check_resident_id, text).code == code


def test_nobody_is_born_tomorrow() -> None:
    assert check_resident_id(RESIDENT_ID, today=date(1949, 12, 31)) == RESIDENT_ID
    with pytest.raises(BadIdentifier):
        check_resident_id(RESIDENT_ID, today=date(1949, 12, 30))


@pytest.mark.parametrize(
    ("code", "level", "area", "kind"),
    [
        ("420000000000", Level.PROVINCE, "42", None),
        ("420100000000", Level.CITY, "42.01", None),
        ("420112000000", Level.DISTRICT, "42.01.12", None),
        ("420112013000", Level.STREET, "42.01.12.013", "street"),
        ("420112100000", Level.STREET, "42.01.12.100", "town"),
        ("420112200000", Level.STREET, "42.01.12.200", "township"),
        ("420112400000", Level.STREET, "42.01.12.400", "enterprise"),
        ("420112013001", Level.COMMUNITY, "42.01.12.013.001", "residents"),
        ("420112013200", Level.COMMUNITY, "42.01.12.013.200", "village"),
        ("420112013498", Level.COMMUNITY, "42.01.12.013.498", None),
        ("441900003001", Level.COMMUNITY, "44.19.00.003.001", "residents"),
    ],
)
def test_region_codes(code: str, level: Level, area: str, kind: str | None) -> None:
    found = check_region_code(code)
    assert (found.level, found.area, found.kind) == (level, area, kind)
    assert check_area(found.area) == area
    if found.parent is None:
        assert level is Level.PROVINCE
    else:
        assert area.startswith(found.parent.area)


def test_the_street_of_a_city_without_districts_belongs_to_the_city() -> None:
    street = check_region_code("441900003000")
    assert street.parent is not None
    assert street.parent.level is Level.CITY


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("42011201300", "region_length"),
        ("42011201300X", "region_character"),
        ("000000000000", "region_province"),
        ("420012013001", "region_gap"),
        ("420112000001", "region_gap"),
    ],
)
def test_bad_region_codes(text: str, code: str) -> None:
    assert _refusal(check_region_code, text).code == code


@pytest.mark.parametrize(
    "text",
    [
        "13800138000",
        "+86 138-0013-8000",
        "0086 13800138000",
        "8613800138000",
        "１３８００１３８０００",
        "+86(138)00138000",
    ],
)
def test_phones_have_one_stored_form(text: str) -> None:
    assert normalize_phone(text) == "+8613800138000"
    assert TypeAdapter(Phone).validate_python(text) == "+8613800138000"


@pytest.mark.parametrize(
    "text", ["", "12800138000", "1380013800", "138001380000", "027-83691234", "+85213800138000", "电话"]
)
def test_what_is_no_mobile_number(text: str) -> None:
    assert _refusal(normalize_phone, text).code == "phone"
    with pytest.raises(ValidationError):
        TypeAdapter(Phone).validate_python(text)


@given(st.integers(0, 99_999))
def test_spoken_codes_agree_with_the_oracle(number: int) -> None:
    code = make_code(number, 6)
    assert code == mod_11_10.validate(code)
    assert int(code[:-1]) == number
    assert check_code(f" {code[:3]}-{code[3:]} ") == code


@given(st.integers(0, 99_999))
def test_every_single_wrong_digit_in_a_spoken_code_is_caught(number: int) -> None:
    code = make_code(number, 6)
    for i, digit in enumerate(code):
        for other in string.digits.replace(digit, ""):
            assert _refusal(check_code, code[:i] + other + code[i + 1 :]).code == "code_check"


@pytest.mark.parametrize("text", ["", "7", "12a4", "一二三"])
def test_what_is_no_code(text: str) -> None:
    assert _refusal(check_code, text).code == "code_character"


@pytest.mark.parametrize(("number", "width"), [(100, 3), (-1, 4)])
def test_a_number_must_fit(number: int, width: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        make_code(number, width)
