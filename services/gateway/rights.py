"""Every verb of the gateway, who may use it, and with which reach."""

from collections.abc import Mapping

from services.gateway.inbound.rights import INBOUND
from services.gateway.notifications.rights import NOTIFICATIONS
from services.gateway.views.rights import VIEWS
from services.gateway.webhooks.rights import WEBHOOKS
from shared.auth import Right, right

IDENTITY: Mapping[str, Right] = {
    "sign_in_codes.create": right("Ask for a sign-in code by SMS", public=True),
    "sessions.create": right("Sign in with a code", public=True),
    "sessions.refresh": right("Renew an access token", public=True),
    "sessions.read": right("See one's own sessions", anyone=True),
    "sessions.delete": right("End one of one's own sessions", anyone=True),
    "oauth.token": right("Get an access token as an API client", public=True),
    "me.read": right("See who one is and which roles one holds", anyone=True),
    "api_clients.read": right("See API clients", "administrator", "street_official"),
    "api_clients.create": right("Make an API client for a store or receiver", "administrator", "street_official"),
    "api_clients.delete": right("End an API client", "administrator", "street_official"),
    "api_clients.rotate_secret": right("Give an API client a new secret", "administrator", "street_official"),
    "operations.read": right("See a job that somebody else began", "administrator", "street_official"),
    "operations.confirm": right("Confirm a job that somebody else began", "administrator", "street_official"),
    "operations.cancel": right("Cancel a job that somebody else began", "administrator", "street_official"),
    "vocabularies.read": right("Read the words of states, kinds and errors", public=True),
}

RIGHTS: dict[str, Right] = {**IDENTITY, **WEBHOOKS, **INBOUND, **NOTIFICATIONS, **VIEWS}
"""Capabilities add their own mapping here."""
