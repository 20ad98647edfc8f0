"""Who registers senders, and who sees what they sent."""

from collections.abc import Mapping

from shared.auth import Right, right

OFFICES = ("administrator", "street_official")

INBOUND: Mapping[str, Right] = {
    "inbound.create": right("Send a signed message as a registered source", public=True),
    "inbound_schemas.read": right("Read the JSON Schemas of incoming messages", public=True),
    "inbound_sources.read": right("See registered sources", *OFFICES, "store_manager", "receiver"),
    "inbound_sources.create": right("Register a source", *OFFICES),
    "inbound_sources.update": right("Rename a source", *OFFICES),
    "inbound_sources.disable": right("Refuse whatever a source sends", *OFFICES),
    "inbound_sources.rotate_secret": right("Give a source a new secret", *OFFICES, "store_manager"),
    "inbound_messages.read": right("See what became of messages", *OFFICES, "store_manager", "receiver"),
    "inbound_messages.retry": right("Carry a rejected message to its owner again", *OFFICES, "store_manager"),
}
