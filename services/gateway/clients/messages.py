"""API client → contract."""

from services.gateway.clients.tables import ApiClient
from shared.contracts.gateway import SessionV1
from shared.contracts.record import RecordV1


def client_event(client: ApiClient) -> RecordV1:
    refs = {"organization_id": client.organization_id} if client.organization_id else {}
    return RecordV1(
        id=client.id,
        version=client.version,
        area=client.area,
        kind="api_client",
        state=client.state,
        refs=refs,
        reason=None,
    )


def client_session_event(client: ApiClient) -> SessionV1:
    """A client's tokens name the client as their session."""
    return SessionV1(
        id=client.id,
        version=client.version,
        area=client.area,
        person_id=client.id,
        state="revoked",
        not_before=client.not_before,
    )
