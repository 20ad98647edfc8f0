"""What the gateway tells: sessions whose tokens must be renewed, and what became of incoming messages."""

from datetime import datetime
from uuid import UUID

from shared.contracts.base import Contract, Topic
from shared.contracts.record import RecordV1


class SessionV1(Contract):
    """Tokens of this session that were issued before ``not_before`` no longer count."""

    id: UUID
    version: int
    area: str | None
    person_id: UUID
    state: str
    not_before: datetime


SESSION = Topic(
    "gateway.session.v1", "event", SessionV1, ("session.created", "session.revoked", "session.roles_changed")
)
RECORD = Topic(
    "gateway.record.v1",
    "event",
    RecordV1,
    (
        "inbound_message.received",
        "inbound_message.applied",
        "inbound_message.rejected",
        "inbound_message.retried",
        "notification.created",
        "webhook_endpoint.created",
        "webhook_endpoint.updated",
        "webhook_endpoint.enabled",
        "webhook_endpoint.disabled",
        "webhook_endpoint.deleted",
        "inbound_source.created",
        "inbound_source.updated",
        "inbound_source.disabled",
        "operation.finished",
        "api_client.created",
        "api_client.secret_rotated",
        "api_client.deleted",
    ),
)

TOPICS = (SESSION, RECORD)
