"""Row → contract, the only place that knows both."""

from services.dispatch.vetting.tables import SignUp
from shared.contracts.record import RecordV1


def sign_up_event(sign_up: SignUp) -> RecordV1:
    return RecordV1(
        id=sign_up.id,
        version=sign_up.version,
        area=sign_up.area,
        kind="sign_up",
        state=sign_up.state,
        refs={"recruitment_call_id": sign_up.recruitment_call_id, "person_id": sign_up.person_id},
        reason=sign_up.reason,
    )
