"""Session → contract."""

from services.gateway.identity.tables import Session
from shared.contracts.gateway import SessionV1


def session_event(session: Session) -> SessionV1:
    return SessionV1(
        id=session.id,
        version=session.version,
        area=None,
        person_id=session.person_id,
        state=session.state,
        not_before=session.not_before,
    )
