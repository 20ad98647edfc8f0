"""Notifications over HTTP."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import ConfigDict
from pydantic.config import JsonDict

from services.gateway.notifications.domain import Kind
from services.gateway.notifications.tables import Notification
from shared.pagination import Page
from shared.web import Public

Channel = Literal["inbox", "sms", "call", "slip"]
State = Literal["waiting", "delivered", "listed", "queued", "sent"]

EXAMPLE: JsonDict = {
    "id": "0195c2a0-0000-7000-8000-0000000000b0",
    "version": 1,
    "kind": "shortage",
    "household_id": "0195c2a0-0000-7000-8000-000000000041",
    "area": "42.01.12.013.001.c01.b08.e1",
    "refs": {"order_id": "0195c2a0-0000-7000-8000-000000000051"},
    "text": {"zh": "缺货说明: “大白菜”您要 3份, 分到 2份; 少的1份退款 7.00 元。", "en": "About your order: …"},
    "channel": "inbox",
    "state": "delivered",
    "created_at": "2020-02-17T11:00:00.000Z",
    "finished_at": "2020-02-17T11:00:00.000Z",
}


class NotificationText(Public):
    """The same words in two languages."""

    zh: str
    en: str


class NotificationPublic(Public):
    """What a household was told. ``listed``: a worker calls (``call``) or prints a slip (``slip``)."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    id: UUID
    version: int
    kind: Kind
    household_id: UUID
    area: str
    refs: dict[str, UUID]
    text: NotificationText
    channel: Channel | None
    state: State
    created_at: datetime
    finished_at: datetime | None


class NotificationPage(Page):
    """One page of notifications."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [EXAMPLE], "next_cursor": None}})

    items: list[NotificationPublic]


def notification_public(row: Notification) -> NotificationPublic:
    """Row → answer."""
    names = NotificationPublic.model_fields.keys() - {"text"}
    fields = {name: getattr(row, name) for name in names}
    return NotificationPublic(**fields, text=NotificationText(zh=row.zh, en=row.en))
