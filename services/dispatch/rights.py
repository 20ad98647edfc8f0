"""Every verb of dispatch: who may do it, with which reach. ``anyone`` reads what row-level security lets pass.

The street vets (rules.md §4). A verb on a call, or on a sign-up for it, needs the smallest area that covers the call; a
verb on a volunteer needs the home or one of the areas in which they serve.
"""

from collections.abc import Mapping

from shared.auth import Right, right

STREET = "street_official"
WORKER = "community_worker"

RIGHTS: Mapping[str, Right] = {
    "recruitment_calls.read": right("Read calls for volunteers; drafts only in one's area", anyone=True),
    "recruitment_calls.create": right("Draft a call for volunteers", STREET),
    "recruitment_calls.update": right("Change a draft, or the number wanted and the last day of a call", STREET),
    "recruitment_calls.publish": right("Publish a call that states every fact", STREET),
    "recruitment_calls.close": right("Take no more sign-ups for a call", STREET),
    "recruitment_calls.cancel": right("Call it off; who was not approved yet is refused", STREET),
    "sign_ups.read": right("Read one's own sign-ups, or those for calls of one's area, masked", anyone=True),
    "sign_ups.create": right("Sign up for a call", anyone=True),
    "sign_ups.approve": right("Approve a sign-up", STREET),
    "sign_ups.refuse": right("Refuse a sign-up, with a reason", STREET),
    "sign_ups.withdraw": right("Withdraw one's own sign-up, or somebody's on their word", STREET, anyone=True),
    "sign_ups.reveal": right("See one's own sign-up in clear, or somebody's for a purpose", STREET, anyone=True),
    "sign_ups.batch_approve": right("Approve up to 500 sign-ups at once", STREET),
    "sign_ups.batch_refuse": right("Refuse up to 500 sign-ups at once, each with a reason", STREET),
    "volunteers.read": right("Read one's own profile, or those of one's area, masked", anyone=True),
    "volunteers.update": right("Keep one's own profile, or correct somebody's", STREET, WORKER, anyone=True),
    "volunteers.suspend": right("Suspend a volunteer", STREET),
    "volunteers.reinstate": right("Let a suspended volunteer serve again", STREET),
    "volunteers.reveal": right(
        "See one's own profile in clear, or somebody's for a purpose", STREET, WORKER, anyone=True
    ),
}
