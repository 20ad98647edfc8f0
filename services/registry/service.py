"""SERVICE: what registry is made of; wiring only."""

from services.registry.agreements import api as agreements
from services.registry.agreements import queries as agreement_queries
from services.registry.agreements import use_cases as agreement_use_cases
from services.registry.claims import api as claims
from services.registry.consents import api as consents
from services.registry.consents import use_cases as consent_use_cases
from services.registry.emergencies import api as emergencies
from services.registry.emergencies import queries as emergency_queries
from services.registry.households import api as households
from services.registry.households import duplicates_api
from services.registry.households import queries as household_queries
from services.registry.notices import api as notices
from services.registry.organizations import api as organizations
from services.registry.organizations import queries as organization_queries
from services.registry.people import api as people
from services.registry.places import api as places
from services.registry.places import queries as place_queries
from services.registry.places import states as place_states
from services.registry.policies import api as policies
from services.registry.policies import queries as policy_queries
from services.registry.policies import use_cases as policy_use_cases
from services.registry.rights import RIGHTS
from services.registry.roles import api as roles
from services.registry.roles import queries as role_queries
from services.registry.roles import use_cases as role_use_cases
from services.registry.settings import RegistrySettings
from services.registry.subscriptions import SUBSCRIPTIONS
from services.registry.uploads import api as upload_api
from services.registry.uploads.loop import uploads
from shared.contracts import registry as contracts
from shared.jobs import operations_router
from shared.service import Service

SERVICE = Service(
    name="registry",
    title="Linli registry",
    settings=RegistrySettings,
    routers=(
        upload_api.places_router,
        places.router,
        places.states_router,
        notices.router,
        emergencies.router,
        people.router,
        roles.router,
        upload_api.households_router,
        households.router,
        duplicates_api.router,
        claims.router,
        consents.router,
        organizations.router,
        agreements.router,
        policies.router,
        operations_router("registry", contracts.RECORD),
    ),
    rights=RIGHTS,
    subscriptions=SUBSCRIPTIONS,
    snapshots={
        contracts.PLACE: place_queries.snapshots,
        contracts.EMERGENCY: emergency_queries.snapshots,
        contracts.HOUSEHOLD: household_queries.snapshots,
        contracts.ORGANIZATION: organization_queries.snapshots,
        contracts.AGREEMENT: agreement_queries.snapshots,
        contracts.ROLE: role_queries.snapshots,
        contracts.POLICY: policy_queries.snapshots,
    },
    timers={
        place_states.TURN: place_states.turn,
        role_use_cases.EXPIRE: role_use_cases.expire,
        consent_use_cases.EXPIRE: consent_use_cases.expire,
        agreement_use_cases.EXPIRE: agreement_use_cases.expire,
        policy_use_cases.END: policy_use_cases.end_policy,
    },
    loops=(uploads,),
)
