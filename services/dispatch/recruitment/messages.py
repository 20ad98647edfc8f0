"""Row → contract, the only place that knows both."""

from services.dispatch.recruitment.tables import RecruitmentCall
from shared.contracts.dispatch import RecruitmentCallV1


def call_event(call: RecruitmentCall) -> RecruitmentCallV1:
    return RecruitmentCallV1(
        id=call.id,
        version=call.version,
        area=call.area,
        areas=call.areas,
        state=call.state,
        reason=call.reason,
        wanted=call.wanted,
    )
