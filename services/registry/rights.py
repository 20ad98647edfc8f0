"""Every verb of registry, who may do it, with which reach; ``docs`` and tokens are made from this.

``anyone``: every signed-in person may call it; row-level security and the use case decide what they see and change.
Service calls (``service=True``) are made by Linli's own services only.
"""

from collections.abc import Mapping

from shared.auth import Reach, Right, right

ADMIN, STREET, WORKER, SECRETARY = "administrator", "street_official", "community_worker", "committee_secretary"
HEAD, GRID, SOCIAL, CADRE = "building_head", "grid_worker", "social_worker", "sent_down_cadre"
STORE, MANAGER = "store_manager", "organization_manager"
STAFF = (STREET, WORKER, SECRETARY, GRID)

RIGHTS: Mapping[str, Right] = {
    "places.read": right("See places", anyone=True),
    "places.create": right("Add a compound, building or entrance", ADMIN, STREET, WORKER),
    "places.create_official": right("Add a district, street-level body, community or village", ADMIN),
    "places.update": right("Correct a place's name", ADMIN, STREET, WORKER),
    "places.abolish": right("End a compound, building or entrance", ADMIN, STREET),
    "places.abolish_official": right("End an official place and its code", ADMIN),
    "places.upload": right("Upload places", ADMIN, STREET, WORKER),
    "place_states.read": right("See states of compounds and buildings", anyone=True),
    "place_states.create": right("Declare the state of a compound or building", STREET),
    "place_states.revoke": right("Take a declared state back", STREET),
    "notices.read": right("See notices for one's area", *STAFF, HEAD, CADRE),
    "notices.create": right("Keep a notice; the gateway does so for incoming ones", STREET),
    "notices.apply": right("Apply a notice in one's area", STREET),
    "notices.dismiss": right("Put a notice aside", STREET),
    "emergencies.read": right("See emergencies", anyone=True),
    "emergencies.create": right("Open an emergency", STREET),
    "emergencies.close": right("Declare an emergency over", STREET),
    "people.read": right("See people of one's area, masked", anyone=True),
    "people.create": right("Register a person", ADMIN, STREET, WORKER, SECRETARY, GRID),
    "people.ensure": right("Find or create the person behind a verified phone", service=True),
    "people.update": right("Correct a person's data", ADMIN, STREET, WORKER, GRID),
    "people.search": right("Find a person by exact phone or identity number", ADMIN, STREET, WORKER, SECRETARY, GRID),
    "people.reveal": right("See a person's fields in clear, for a purpose", ADMIN, STREET, WORKER, SECRETARY, GRID),
    "roles.read": right("See roles", anyone=True),
    "roles.create": right("Give a role (which ones: roles/domain.py)", ADMIN, STREET, SECRETARY, WORKER),
    "roles.end": right("Take a role back (which ones: roles/domain.py)", ADMIN, STREET, SECRETARY, WORKER),
    "households.read": right("See households of one's area, masked, and one's own", anyone=True),
    "households.create": right("Register a household", WORKER, GRID, HEAD, SECRETARY, STREET),
    "households.update": right("Correct a household", WORKER, GRID, HEAD, SECRETARY),
    "households.merge": right("Merge two records of one household", WORKER, SECRETARY),
    "households.search": right("Find households by exact phone or door", *STAFF, HEAD, SOCIAL, CADRE),
    "households.reveal": right("See a household's fields in clear, for a purpose", *STAFF, SOCIAL, CADRE),
    "households.resolve": right("Doors to households", service=True),
    "households.contacts": right("Contacts of households for a run or order", service=True),
    "households.upload": right("Upload households", STREET, WORKER),
    "households.export": right("Print claim codes", WORKER, SECRETARY),
    "household_claims.read": right("See claims on households", anyone=True),
    "household_claims.create": right("Claim a household for oneself", anyone=True),
    "household_claims.confirm": right("Confirm a claim", HEAD, WORKER, GRID, SECRETARY),
    "household_claims.refuse": right("Refuse a claim", HEAD, WORKER, GRID, SECRETARY),
    "household_duplicates.read": right("See probable duplicates", WORKER, SECRETARY, GRID),
    "household_duplicates.dismiss": right("Say that two households are two", WORKER, SECRETARY),
    "consents.read": right("See proxy consents", anyone=True),
    "consents.create": right("Record a household's proxy consent", WORKER, GRID, HEAD, SECRETARY, SOCIAL),
    "consents.withdraw": right("Record that a proxy consent was withdrawn", WORKER, GRID, HEAD, SECRETARY, SOCIAL),
    "organizations.read": right("See organizations", anyone=True),
    "organizations.create": right("Register an organization", ADMIN, STREET, WORKER),
    "organizations.update": right("Correct an organization", ADMIN, STREET, WORKER, STORE, MANAGER),
    "organizations.close": right("Close an organization", ADMIN, STREET),
    "agreements.read": right("See agreements of one's area or organization", anyone=True),
    "agreements.create": right("Propose an agreement, for the organization", STORE, MANAGER, STREET, SECRETARY),
    "agreements.endorse": right("Recommend an agreement; this opens nothing", STREET),
    "agreements.accept": right("Accept, the community's own act", SECRETARY, reach=Reach.EXACT),
    "agreements.decline": right("Decline, the community's own act", SECRETARY, reach=Reach.EXACT),
    "agreements.suspend": right("Suspend, the community's own act", SECRETARY, reach=Reach.EXACT),
    "agreements.resume": right("Resume, the community's own act", SECRETARY, reach=Reach.EXACT),
    "agreements.end": right("End, by the community or the organization", SECRETARY, STORE, MANAGER, reach=Reach.EXACT),
    "policies.read": right("See policies", anyone=True),
    "policies.create": right("Publish a policy", STREET),
    "operations.read": right("See uploads of one's area", ADMIN, STREET, WORKER),
    "operations.confirm": right("Apply somebody else's checked upload", ADMIN, STREET),
    "operations.cancel": right("Throw somebody else's upload away", ADMIN, STREET),
}
