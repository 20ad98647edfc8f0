"""What goes in and out over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, StringConstraints
from pydantic.config import JsonDict

from services.gateway.inbound.tables import InboundMessage, InboundSource
from shared.areas import AreaPath
from shared.pagination import Page
from shared.problems import CODES
from shared.web import Body, Language, Public

SourceKind = Literal["city_command", "store"]
SourceState = Literal["active", "disabled"]
MessageState = Literal["received", "applied", "rejected"]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120)]

SOURCE: JsonDict = {
    "id": "0195c2a0-0000-7000-8000-0000000000a0",
    "version": 1,
    "state": "active",
    "reason": None,
    "kind": "city_command",
    "name": "武汉市新冠肺炎疫情防控指挥部",
    "area": "42.01",
    "organization_id": None,
    "message_types": ["notice.issued"],
    "url": "/v1/inbound/0195c2a0-0000-7000-8000-0000000000a0",
    "created_at": "2020-02-10T02:00:00.000Z",
}
MESSAGE: JsonDict = {
    "id": "0195c2a0-0000-7000-8000-0000000000e0",
    "version": 2,
    "source_id": "0195c2a0-0000-7000-8000-0000000000a0",
    "webhook_id": "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
    "type": "purchase.confirmation",
    "state": "rejected",
    "attempts": 1,
    "next_attempt_at": None,
    "problem": {
        "code": "validation_failed",
        "title": "提交的内容有误",
        "detail": "确认数量不能超过订购数量。",
        "errors": [{"pointer": "/lines/0/confirmed_qty", "code": "too_large", "detail": "最多 600"}],
    },
    "result_url": None,
    "received_at": "2020-02-17T11:00:00.000Z",
    "finished_at": "2020-02-17T11:00:00.240Z",
}


class InboundSourceCreate(Body):
    """``city_command``: for ``area``. ``store``: for ``organization_id``; ``area`` defaults to the organization's."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"kind": "city_command", "name": "武汉市疫情防控指挥部", "area": "42.01"}}
    )

    id: UUID | None = None
    kind: SourceKind
    name: Name
    area: AreaPath | None = None
    organization_id: UUID | None = None


class InboundSourcePatch(Body):
    """Merge-patch."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "武汉市防控指挥部"}})

    name: Name


class InboundSourcePublic(Public):
    """A registered sender; it posts to ``url`` and signs with its secret."""

    model_config = ConfigDict(json_schema_extra={"example": SOURCE})

    id: UUID
    version: int
    state: SourceState
    reason: str | None
    kind: SourceKind
    name: str
    area: str
    organization_id: UUID | None
    message_types: list[str]
    url: str
    created_at: datetime


class InboundSourceSecret(InboundSourcePublic):
    """The same with the newest secret, shown to whoever made or rotated it."""

    model_config = ConfigDict(
        json_schema_extra={"example": SOURCE | {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="}}
    )

    secret: str | None


class InboundSourcePage(Page):
    """One page of sources."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [SOURCE], "next_cursor": None}})

    items: list[InboundSourcePublic]


class InboundAccepted(Public):
    """Kept; what becomes of it is told at ``/v1/inbound-messages/{message_id}``."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"message_id": "0195c2a0-0000-7000-8000-0000000000e0", "duplicate": False}}
    )

    message_id: UUID
    duplicate: bool


class InboundProblem(Public):
    """Why the owner refused the message. ``title`` in the reader's language, ``detail`` and errors in Chinese."""

    code: str
    title: str | None
    detail: str | None
    errors: list[dict[str, Any]]


class InboundMessagePublic(Public):
    """What became of a message; its body is not shown."""

    model_config = ConfigDict(json_schema_extra={"example": MESSAGE})

    id: UUID
    version: int
    source_id: UUID
    webhook_id: str
    type: str
    state: MessageState
    attempts: int
    next_attempt_at: datetime | None
    problem: InboundProblem | None
    result_url: str | None
    received_at: datetime
    finished_at: datetime | None


class InboundMessagePage(Page):
    """One page of messages."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [MESSAGE], "next_cursor": None}})

    items: list[InboundMessagePublic]


def source_fields(source: InboundSource, message_types: tuple[str, ...]) -> dict[str, Any]:
    """Row → fields of the answer."""
    names = InboundSourcePublic.model_fields.keys() - {"message_types", "url"}
    fields = {name: getattr(source, name) for name in names}
    return fields | {"message_types": list(message_types), "url": f"/v1/inbound/{source.id}"}


def message_public(message: InboundMessage, language: Language) -> InboundMessagePublic:
    """Row → answer."""
    names = InboundMessagePublic.model_fields.keys() - {"problem", "next_attempt_at"}
    return InboundMessagePublic(
        **{name: getattr(message, name) for name in names},
        problem=_problem(message.problem, language),
        next_attempt_at=message.next_attempt_at if message.state == "received" else None,
    )


def _problem(stored: dict[str, Any] | None, language: Language) -> InboundProblem | None:
    if stored is None:
        return None
    known = CODES.get(stored["code"])
    title = known[1][0 if language == "zh" else 1] if known else None
    return InboundProblem(
        code=stored["code"], title=title, detail=stored.get("detail"), errors=stored.get("errors", [])
    )
