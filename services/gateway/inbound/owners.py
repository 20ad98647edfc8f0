"""The one place that maps a message to its owner's verb.

A message acts with exactly its sender's own authority: a command within its area, a store for its own organization; the
owner's table of rights decides.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.gateway.inbound.payloads import NoticeIssued, Payload, PurchaseConfirmation, PurchaseRefusal
from services.gateway.inbound.tables import InboundMessage, InboundSource
from shared.auth import Grant, Principal


@dataclass(frozen=True)
class Call:
    """What the owner is asked: service, path under /v1, body; ``collection`` is where its answer is read."""

    owner: str
    path: str
    body: dict[str, Any]
    collection: str


def _notice(message: InboundMessage, payload: Payload) -> Call:
    assert isinstance(payload, NoticeIssued)
    body = payload.data.model_dump(mode="json", exclude_none=True)
    ids = {"message_id": str(message.id), "source_id": str(message.source_id)}
    return Call("registry", "/v1/notices", body | ids, "notices")


def _confirmation(message: InboundMessage, payload: Payload) -> Call:
    assert isinstance(payload, PurchaseConfirmation)
    body = {
        "store_id": str(message.organization_id),
        "lines": [line.model_dump(mode="json") for line in payload.data.lines],
    }
    return Call("orders", f"/v1/purchases/{payload.data.purchase_id}/confirm", body, "purchases")


def _refusal(message: InboundMessage, payload: Payload) -> Call:
    assert isinstance(payload, PurchaseRefusal)
    body = {"store_id": str(message.organization_id), "note": payload.data.note}
    return Call("orders", f"/v1/purchases/{payload.data.purchase_id}/refuse", body, "purchases")


CALLS: Mapping[str, Callable[[InboundMessage, Payload], Call]] = {
    "notice.issued": _notice,
    "purchase.confirmation": _confirmation,
    "purchase.refusal": _refusal,
}
ROLES: Mapping[str, str] = {"city_command": "street_official", "store": "store_manager"}
VERBS: Mapping[str, str] = {
    "notice.issued": "notices.create",
    "purchase.confirmation": "purchases.confirm",
    "purchase.refusal": "purchases.refuse",
}


def acting(source: InboundSource, type: str) -> Principal:
    """As whom a message of the source acts: with its role, in its area or for its organization, for one verb only."""
    area = None if source.organization_id else source.area
    grant = Grant(ROLES[source.kind], area, source.organization_id)
    return Principal(source.id, "client", source.id, (grant,), frozenset({VERBS[type]}))
