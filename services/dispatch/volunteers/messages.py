"""Row → contract, the only place that knows both."""

from services.dispatch.volunteers.tables import Volunteer
from shared.contracts.dispatch import VolunteerV1


def volunteer_event(volunteer: Volunteer) -> VolunteerV1:
    return VolunteerV1(
        id=volunteer.id,
        version=volunteer.version,
        area=volunteer.area,
        person_id=volunteer.id,
        volunteer_no=volunteer.volunteer_no,
        skills=volunteer.skills,
        state=volunteer.state,
    )
