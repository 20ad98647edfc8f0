"""Codes that people carry and type: checked here, once, with an error that says where it went wrong (promise PD9).

Every ``check_*`` and ``normalize_*`` takes what somebody typed (full-width forms, spaces, lower case) and returns the
one stored form, or raises BadIdentifier. Sources: GB 32100-2015 and GB 11714-1997 (USCC), GB 11643-1999 (resident ID),
the statistical division codes (region), ISO 7064 (spoken codes); rules.md §3.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator

from shared.areas import Level

_USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_ORGANIZATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECKS = "10X98765432"
_PROVINCES = frozenset(
    str(n)
    for first, last in ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71), (81, 83))
    for n in range(first, last + 1)
)
_MOBILE = re.compile(r"(?:\+86|0086|86)?(1[3-9][0-9]{9})")


class BadIdentifier(ValueError):
    """A code that is not right. ``code`` says how, ``position`` (from 1) where, if one character is to blame.

    The message is ``Chinese|English`` and never repeats the value.
    """

    def __init__(self, code: str, zh: str, en: str, position: int | None = None) -> None:
        self.code, self.position = code, position
        super().__init__(f"{zh}|{en}")


def check_uscc(text: str) -> str:
    """The unified social credit code 统一社会信用代码 in 18 characters: both check digits are right.

    Raises BadIdentifier: ``uscc_length``, ``uscc_character``, ``uscc_organization_check`` (17th character),
    ``uscc_check`` (18th).
    """
    uscc = _compact(text).upper()
    _length("uscc_length", uscc, 18)
    for position, character in enumerate(uscc, 1):
        if character not in _USCC or (3 <= position <= 8 and not character.isdigit()):
            raise _at("uscc_character", position, "不能是此字符", "cannot be this character")
    if uscc[16] != _organization_check(uscc[8:16]):
        raise _at("uscc_organization_check", 17, "与第9至16位不符", "does not match characters 9 to 16")
    total = sum(_USCC.index(character) * weight for character, weight in zip(uscc, _USCC_WEIGHTS, strict=False))
    if uscc[17] != _USCC[-total % 31]:
        raise _at("uscc_check", 18, "与前17位不符", "does not match the 17 before it")
    return uscc


def check_resident_id(text: str, today: date | None = None) -> str:
    """The resident identity number 公民身份号码 in 18 characters; born between 1900 and ``today``, if given.

    Raises BadIdentifier: ``id_length``, ``id_character``, ``id_region``, ``id_birth_date``, ``id_check``.
    """
    number = _compact(text).upper()
    _length("id_length", number, 18)
    for position, character in enumerate(number, 1):
        if not (character in "0123456789" or (position == 18 and character == "X")):
            raise _at("id_character", position, "不能是此字符", "cannot be this character")
    # A foreigner's permanent residence number is 9, the province that issued it, and the nationality.
    if number[:2] not in _PROVINCES and not (number[0] == "9" and number[1:3] in _PROVINCES):
        raise BadIdentifier("id_region", "前两位不是省级代码", "The first two digits are no province", 1)
    born = born_on(number)
    if born.year < 1900 or (today is not None and born > today):
        raise BadIdentifier("id_birth_date", "出生日期不可能", "The birth date is impossible", 7)
    total = sum(int(digit) * weight for digit, weight in zip(number, _RESIDENT_WEIGHTS, strict=False))
    if number[17] != _RESIDENT_CHECKS[total % 11]:
        raise _at("id_check", 18, "与前17位不符", "does not match the 17 before it")
    return number


def born_on(resident_id: str) -> date:
    """The birth date in a resident identity number. Raises BadIdentifier ``id_birth_date`` for no real day."""
    digits = resident_id[6:14]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        raise BadIdentifier(
            "id_birth_date", "第7至14位不是真实日期", "Characters 7 to 14 are no real date", 7
        ) from None


@dataclass(frozen=True)
class RegionCode:
    """An official division code: 2 province, 2 city, 2 district, 3 street, 3 community; zeros below its level."""

    code: str
    level: Level

    @property
    def parts(self) -> tuple[str, ...]:
        """The code's segments down to its level, such as ``("42", "01", "12", "013")``."""
        c = self.code
        depth = list(Level).index(self.level) + 1
        return (c[:2], c[2:4], c[4:6], c[6:9], c[9:])[:depth]

    @property
    def area(self) -> str:
        """The area path whose keys are equal to this code: what a new official place starts out with."""
        return ".".join(self.parts)

    @property
    def parent(self) -> "RegionCode | None":
        """The code one level up; None for a province."""
        above = "".join(self.parts[:-1])
        return check_region_code(above.ljust(12, "0")) if above else None

    @property
    def kind(self) -> Literal["street", "town", "township", "enterprise", "residents", "village"] | None:
        """What the number says of a street (001-399, 400-599) or a community; None where it says nothing."""
        number = int(self.parts[-1])
        if self.level is Level.STREET:
            return (
                "street" if number < 100 else "town" if number < 200 else "township" if number < 400 else "enterprise"
            )
        if self.level is Level.COMMUNITY and number < 400:
            return "residents" if number < 200 else "village"
        return None


def check_region_code(text: str) -> RegionCode:
    """A 12-digit division code with its level. Raises BadIdentifier: ``region_length``, ``region_character``,
    ``region_province``, ``region_gap`` (a part below a part of zeros).

    A city without districts (Dongguan) has 00 for the district and streets below it all the same.
    """
    code = _compact(text)
    _length("region_length", code, 12)
    if not (code.isascii() and code.isdigit()):
        raise BadIdentifier("region_character", "只能是数字", "Only digits are allowed")
    if code[:2] not in _PROVINCES:
        raise BadIdentifier("region_province", "前两位不是省级代码", "The first two digits are no province", 1)
    parts = (code[:2], code[2:4], code[4:6], code[6:9], code[9:])
    depth = max(index for index, part in enumerate(parts) if int(part))
    if any(not int(part) for index, part in enumerate(parts[:depth]) if index != 2):
        raise BadIdentifier("region_gap", "上级代码缺失", "A part above the last one is missing")
    return RegionCode(code, list(Level)[depth])


def normalize_phone(text: str) -> str:
    """A Chinese mobile number in E.164: ``+8613800138000``. Raises BadIdentifier ``phone``."""
    found = _MOBILE.fullmatch(re.sub(r"[-()]", "", _compact(text)))
    if found is None:
        raise BadIdentifier("phone", "不是有效的手机号", "This is not a Chinese mobile number")
    return f"+86{found[1]}"


def make_code(number: int, width: int) -> str:
    """A code that people speak: ``number`` with leading zeros, then its check digit; ``width`` digits in all.

    Raises ValueError when the number does not fit. ISO 7064 MOD 11,10.
    """
    digits = f"{number:0{width - 1}}"
    if number < 0 or len(digits) != width - 1:
        raise ValueError(f"{number} does not fit into {width} digits with a check digit")
    return digits + _mod_11_10(digits)


def check_code(text: str) -> str:
    """The digits of a spoken code. Raises BadIdentifier: ``code_character``, ``code_check``."""
    code = re.sub(r"-", "", _compact(text))
    if len(code) < 2 or not (code.isascii() and code.isdigit()):
        raise BadIdentifier("code_character", "编号由数字组成", "A code is made of digits")
    if code[-1] != _mod_11_10(code[:-1]):
        raise BadIdentifier("code_check", "编号有误, 请再核对", "One digit of the code is wrong; read it again")
    return code


Uscc = Annotated[str, AfterValidator(check_uscc)]
Phone = Annotated[str, AfterValidator(normalize_phone)]
ResidentId = Annotated[str, AfterValidator(check_resident_id)]
SpokenCode = Annotated[str, AfterValidator(check_code)]


def _compact(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def _length(code: str, value: str, wanted: int) -> None:
    if len(value) != wanted:
        raise BadIdentifier(
            code, f"应为{wanted}位, 现为{len(value)}位", f"It has {len(value)} characters, not {wanted}"
        )


def _at(code: str, position: int, zh: str, en: str) -> BadIdentifier:
    return BadIdentifier(code, f"第{position}位{zh}", f"Character {position} {en}", position)


def _organization_check(first_eight: str) -> str:
    """GB 11714: the ninth character of an organization code; letters count A = 10 … Z = 35."""
    total = sum(int(one, 36) * weight for one, weight in zip(first_eight, _ORGANIZATION_WEIGHTS, strict=True))
    return "0123456789X"[-total % 11]


def _mod_11_10(digits: str) -> str:
    product = 10
    for digit in digits:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return str((11 - product) % 10)
