"""Who may register receivers: for an area its officials, for an organization its manager (or their API clients)."""

from collections.abc import Mapping

from shared.auth import Right, right

MANAGERS = ("administrator", "street_official", "store_manager", "receiver")
READERS = (*MANAGERS, "community_worker")

WEBHOOKS: Mapping[str, Right] = {
    "webhook_endpoints.read": right("See webhook endpoints", *READERS),
    "webhook_endpoints.create": right("Register a webhook endpoint", *MANAGERS),
    "webhook_endpoints.update": right("Change a webhook endpoint", *MANAGERS),
    "webhook_endpoints.delete": right("End a webhook endpoint", *MANAGERS),
    "webhook_endpoints.enable": right("Ask a receiver for its consent", *MANAGERS),
    "webhook_endpoints.disable": right("Stop sending to a receiver", *MANAGERS),
    "webhook_endpoints.rotate_secret": right("Give a webhook endpoint a new secret", *MANAGERS),
    "webhook_endpoints.ping": right("Send a receiver a test event", *MANAGERS),
    "webhook_endpoints.replay": right("Send past events again", *MANAGERS),
    "webhook_schemas.read": right("Read the catalogue of events and its JSON Schemas", public=True),
    "webhook_deliveries.read": right("See the log of webhook deliveries", *READERS),
}
