"""The messages that a registered source may send: Standard Webhooks' envelope ``{"type", "timestamp", "data"}``."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi.exceptions import RequestValidationError
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic.config import JsonDict

from shared.areas import AreaPath
from shared.problems import Invalid
from shared.validation import field_errors

Line = Annotated[str, StringConstraints(min_length=1, max_length=200)]
RegionCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]

_NOTICE: JsonDict = {
    "type": "notice.issued",
    "timestamp": "2020-02-10T12:00:00+08:00",
    "data": {
        "number": "第12号",
        "title": "武汉市新冠肺炎疫情防控指挥部通告",
        "issuer": "武汉市新冠肺炎疫情防控指挥部",
        "body": "在全市范围内所有住宅小区实行封闭管理。",
        "region_codes": ["420100000000"],
        "legal_basis": "传染病防治法; 突发事件应对法",
        "place_state": "sealed_management",
        "issued_at": "2020-02-10T12:00:00+08:00",
        "from_at": "2020-02-11T00:00:00+08:00",
    },
}
CONFIRMATION: JsonDict = {
    "type": "purchase.confirmation",
    "timestamp": "2020-02-17T19:00:00+08:00",
    "data": {
        "purchase_id": "0195c2a0-0000-7000-8000-000000000003",
        "lines": [{"item_id": "0195c2a0-0000-7000-8000-00000000000a", "confirmed_qty": 580}],
    },
}
_REFUSAL: JsonDict = {
    "type": "purchase.refusal",
    "timestamp": "2020-02-17T19:00:00+08:00",
    "data": {"purchase_id": "0195c2a0-0000-7000-8000-000000000003", "note": "仓库封闭, 无法供货"},
}


class Part(BaseModel):
    """Base of what is inside a message: unknown fields are refused, and a number in quotes is none."""

    model_config = ConfigDict(extra="forbid", strict=True)


class NoticeData(Part):
    """A notice with its areas by official 12-digit codes, area paths, or both."""

    number: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    title: Line
    issuer: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    body: Annotated[str, StringConstraints(max_length=20_000)] = ""
    region_codes: Annotated[list[RegionCode], Field(max_length=200)] = Field(default_factory=list)
    areas: Annotated[list[AreaPath], Field(max_length=200)] = Field(default_factory=list)
    legal_basis: Line | None = None
    place_state: Literal["open", "sealed_management", "lockdown_control", "epidemic_free"] | None = None
    issued_at: AwareDatetime
    from_at: AwareDatetime | None = None
    until_at: AwareDatetime | None = None


class ConfirmedLine(Part):
    """How much of one item the store will deliver."""

    item_id: UUID
    confirmed_qty: Annotated[int, Field(ge=0, le=1_000_000)]


class ConfirmationData(Part):
    """What the store will deliver of a purchase; every item that was ordered, 0 for none."""

    purchase_id: UUID
    lines: Annotated[list[ConfirmedLine], Field(min_length=1, max_length=500)]


class RefusalData(Part):
    """The store delivers nothing of this purchase."""

    purchase_id: UUID
    note: Annotated[str, StringConstraints(max_length=500)] | None = None


class NoticeIssued(Part):
    """From a command: a notice was issued."""

    model_config = ConfigDict(json_schema_extra={"example": _NOTICE})

    type: Literal["notice.issued"]
    timestamp: AwareDatetime
    data: NoticeData


class PurchaseConfirmation(Part):
    """From a store: what it will deliver."""

    model_config = ConfigDict(json_schema_extra={"example": CONFIRMATION})

    type: Literal["purchase.confirmation"]
    timestamp: AwareDatetime
    data: ConfirmationData


class PurchaseRefusal(Part):
    """From a store: it cannot deliver."""

    model_config = ConfigDict(json_schema_extra={"example": _REFUSAL})

    type: Literal["purchase.refusal"]
    timestamp: AwareDatetime
    data: RefusalData


Payload = NoticeIssued | PurchaseConfirmation | PurchaseRefusal
MODELS: Mapping[str, type[NoticeIssued] | type[PurchaseConfirmation] | type[PurchaseRefusal]] = {
    "notice.issued": NoticeIssued,
    "purchase.confirmation": PurchaseConfirmation,
    "purchase.refusal": PurchaseRefusal,
}


@cache
def json_schema(type: str) -> dict[str, Any]:
    """The published JSON Schema (2020-12) of one message type."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"/v1/inbound-schemas/{type}",
        **MODELS[type].model_json_schema(),
    }


def checked(type: str, body: bytes) -> Payload:
    """The message as its model. Raises Invalid with a pointer for every wrong field."""
    try:
        return MODELS[type].model_validate_json(body)
    except ValidationError as error:
        errors = [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False)]
        raise Invalid(errors=field_errors(RequestValidationError(errors))) from None
