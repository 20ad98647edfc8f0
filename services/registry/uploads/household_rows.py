"""One row of an uploaded list of households, as people write it in either language."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

from services.registry.consents.domain import GIVEN_HOW, PROXY_ROLES, in_bounds
from services.registry.households import domain
from services.registry.households.sealing import Private
from services.registry.uploads.tree import Node, RowRefused, Tree
from shared.areas import Level, level
from shared.clock import SHANGHAI, shanghai_day
from shared.identifiers import normalize_phone
from shared.tabular import Column

COLUMNS = (
    Column("community_code", ("社区代码", "区划代码"), required=False),
    Column("area", ("区域",), required=False),
    Column("compound", ("小区", "小区名称"), required=False),
    Column("building", ("楼栋", "栋"), required=False),
    Column("entrance", ("单元",), required=False),
    Column("floor", ("楼层",), required=False),
    Column("unit", ("室号", "房号", "门牌")),
    Column("size", ("人数",), required=False),
    Column("contact_name", ("联系人", "姓名"), required=False),
    Column("phone", ("电话", "手机", "联系电话"), required=False),
    Column("flags", ("特殊情况",), required=False),
    Column("flags_consent", ("特殊情况同意",), required=False),
    Column("notify", ("通知方式",), required=False),
    Column("proxy_role", ("代办人",), required=False),
    Column("proxy_how", ("代办同意方式",), required=False),
    Column("proxy_until", ("代办同意至",), required=False),
)
_FLAGS = {
    "独居老人": "elderly_alone",
    "残疾": "disabled",
    "婴幼儿": "infant",
    "慢性病": "chronic_disease",
    "孕妇": "pregnant",
    "未成年人独处": "minor_alone",
}
_NOTIFY = {"站内": "inbox", "短信": "sms", "电话": "call", "纸条": "slip"}
_CONSENT = {"书面": "written", "口头": "oral", "应用": "app"}
_GIVEN = {"当面": "in_person", "电话": "phone", "书面": "paper", "应用": "app"}
_ROLES = {"社区工作者": "community_worker", "楼栋长": "building_head", "网格员": "grid_worker", "社工": "social_worker"}
_SEPARATORS = re.compile(r"[;；,，、|\s]+")
T = TypeVar("T")


@dataclass(frozen=True)
class ProxyConsent:
    """The consent that a row records: to whoever holds ``role`` in the household's community."""

    role: str
    how: str
    until_at: datetime


@dataclass(frozen=True)
class HouseholdRow:
    """A row that was read: where, what is private, and the rest."""

    area: str
    private: Private
    size: int | None
    flags_consent: str | None
    notify: str
    consent: ProxyConsent | None


def read(tree: Tree, values: Mapping[str, str], now: datetime, consent_days: int) -> HouseholdRow:
    """The household that a row describes. Raises RowRefused at the first wrong cell."""
    area = _home(tree, values).area
    phone = _cell(values, "phone", normalize_phone)
    private = Private(
        floor=_cell(values, "floor", lambda text: _number(text, -5, 150)),
        unit=_required(values, "unit", domain.normal_unit),
        contact_name=_cell(values, "contact_name", lambda text: _short(text, 60)),
        phone=phone,
        flags=_cell(values, "flags", _flags) or (),
    )
    return HouseholdRow(
        area=area,
        private=private,
        size=_cell(values, "size", lambda text: _number(text, 0, 50)),
        flags_consent=_cell(values, "flags_consent", lambda text: _known(text, _CONSENT, domain.CONSENT_HOW)),
        notify=_cell(values, "notify", lambda text: _known(text, _NOTIFY, domain.NOTIFY))
        or domain.notify_default(phone),
        consent=_consent(values, now, consent_days),
    )


def _home(tree: Tree, values: Mapping[str, str]) -> Node:
    """The building or entrance, by path, or by official code, compound, building and entrance as people call them."""
    if values["area"]:
        found = tree.at(values["area"], "area")
    elif values["community_code"]:
        found = tree.by_code(values["community_code"])
        for column in ("compound", "building", "entrance"):
            if not values[column] and column == "entrance":
                break
            below = tree.find(found, values[column]) if values[column] else None
            if below is None:
                raise RowRefused(column, "unknown", "没有此地点, 请先导入", "There is no such place; upload it first")
            found = below
    else:
        raise RowRefused("community_code", "required", "请填写社区代码或区域", "Give community_code or area")
    if level(found.area) not in (Level.BUILDING, Level.ENTRANCE):
        raise RowRefused("area", "wrong_level", "须为楼栋或单元", "A household lies in a building or entrance")
    return found


def _consent(values: Mapping[str, str], now: datetime, consent_days: int) -> ProxyConsent | None:
    if not values["proxy_role"]:
        return None
    until_at = _required(values, "proxy_until", _until)
    if not in_bounds(until_at, now, consent_days):
        raise RowRefused(
            "proxy_until",
            "out_of_bounds",
            f"须在今后 {consent_days} 天之内",
            f"It must end in the future, within {consent_days} days",
        )
    return ProxyConsent(
        role=_required(values, "proxy_role", lambda text: _known(text, _ROLES, PROXY_ROLES)),
        how=_required(values, "proxy_how", lambda text: _known(text, _GIVEN, GIVEN_HOW)),
        until_at=until_at,
    )


def _required(values: Mapping[str, str], column: str, parse: Callable[[str], T]) -> T:
    found = _cell(values, column, parse)
    if found is None:
        raise RowRefused(column, "required", "此项必填", "This field is required")
    return found


def _cell(values: Mapping[str, str], column: str, parse: Callable[[str], T]) -> T | None:
    """The parsed cell, None when it is empty; a ValueError of ``parse`` becomes the row's refusal."""
    if not values[column]:
        return None
    try:
        return parse(values[column])
    except ValueError as error:
        zh, _, en = str(error).partition("|")
        code = getattr(error, "code", "invalid")
        if not en:
            zh, en = "格式不正确", "The format is not right"
        raise RowRefused(column, code, zh, en) from None


def _number(text: str, lowest: int, highest: int) -> int:
    number = int(text)
    if not lowest <= number <= highest:
        raise ValueError(f"须在 {lowest} 至 {highest} 之间|It must be between {lowest} and {highest}")
    return number


def _short(text: str, longest: int) -> str:
    if len(text) > longest:
        raise ValueError(f"最多 {longest} 个字|At most {longest} characters")
    return text


def _known(text: str, aliases: Mapping[str, str], known: frozenset[str]) -> str:
    value = aliases.get(text, text)
    if value not in known:
        shown = ", ".join(sorted(known))
        raise ValueError(f"须为: {shown}|It must be one of: {shown}")
    return value


def _flags(text: str) -> tuple[str, ...]:
    parts = [part for part in _SEPARATORS.split(text) if part]
    return tuple(sorted({_known(part, _FLAGS, domain.FLAGS) for part in parts}))


def _until(text: str) -> datetime:
    """A day (to its end in China) or an instant."""
    try:
        if len(text) <= 10:
            return shanghai_day(date.fromisoformat(text.replace("/", "-")))[1] - timedelta(seconds=1)
        read = datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        raise ValueError("日期应如 2020-05-01|Write the day as 2020-05-01") from None
    return read if read.tzinfo else read.replace(tzinfo=SHANGHAI)
