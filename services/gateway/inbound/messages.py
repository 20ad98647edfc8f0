"""Sources and messages → contracts."""

from services.gateway.inbound.tables import InboundMessage, InboundSource
from shared.contracts.record import RecordV1


def source_record(source: InboundSource) -> RecordV1:
    refs = {"organization_id": source.organization_id} if source.organization_id else {}
    return RecordV1(
        id=source.id,
        version=source.version,
        area=source.area,
        kind="inbound_source",
        state=source.state,
        refs=refs,
        reason=source.reason,
    )


def message_record(message: InboundMessage) -> RecordV1:
    """``reason`` is the problem's code when it was rejected."""
    refs = {"source_id": message.source_id}
    if message.organization_id:
        refs["organization_id"] = message.organization_id
    return RecordV1(
        id=message.id,
        version=message.version,
        area=message.area,
        kind="inbound_message",
        state=message.state,
        refs=refs,
        reason=message.problem["code"] if message.state == "rejected" and message.problem else None,
    )
