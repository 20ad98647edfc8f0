"""SERVICE: what dispatch is made of; wiring only."""

from services.dispatch.recruitment import api as recruitment
from services.dispatch.recruitment.timers import TIMERS
from services.dispatch.rights import RIGHTS
from services.dispatch.settings import DispatchSettings
from services.dispatch.subscriptions import SUBSCRIPTIONS
from services.dispatch.vetting import api as vetting
from services.dispatch.volunteers import api as volunteers
from shared.service import Service

SERVICE = Service(
    name="dispatch",
    title="Linli dispatch",
    settings=DispatchSettings,
    routers=(recruitment.router, vetting.router, volunteers.router),
    rights=RIGHTS,
    subscriptions=SUBSCRIPTIONS,
    timers=TIMERS,
)
