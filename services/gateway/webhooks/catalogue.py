"""Which events outsiders may hear of, and where each thing is read.

``COLLECTIONS`` gives the path of an entity's collection by the first word of the event type. What is ``WITHHELD``
concerns one person or the inside only. A test sees to it that every type of every contract is in one of the two.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.contracts.base import Event, Topic, all_topics

COLLECTIONS = {
    "place": "places",
    "emergency": "emergencies",
    "household": "households",
    "organization": "organizations",
    "agreement": "agreements",
    "role": "roles",
    "policy": "policies",
    "notice": "notices",
    "purchase": "purchases",
    "round": "rounds",
    "order": "orders",
    "allocation": "allocations",
    "shortage": "shortages",
    "parcel": "parcels",
    "wave": "waves",
    "payment": "payments",
    "remittance": "remittances",
    "refund": "refunds",
    "store_pairing": "store-pairings",
    "catalog_item": "catalog-items",
    "package": "packages",
    "price_list": "price-lists",
    "goods_receipt": "goods-receipts",
    "callback": "callbacks",
    "recruitment_call": "recruitment-calls",
    "volunteer": "volunteers",
    "sign_up": "sign-ups",
    "inbound_message": "inbound-messages",
    "inbound_source": "inbound-sources",
    "webhook_endpoint": "webhook-endpoints",
}
WITHHELD = frozenset({"person", "session", "notification", "api_client", "operation", "lot", "gate_slot"})
PING = "webhook_endpoint.ping"


@dataclass(frozen=True)
class EventType:
    """One line of the catalogue."""

    name: str
    topic: str
    path: str


def entity_of(event_type: str) -> str:
    return event_type.partition(".")[0]


def told_types(topic: Topic) -> tuple[str, ...]:
    """The types of a topic that go out as webhooks."""
    return tuple(one for one in topic.types if entity_of(one) in COLLECTIONS)


def event_types() -> Iterator[EventType]:
    """The whole catalogue, in the producers' order."""
    for topic in all_topics():
        for name in told_types(topic):
            yield EventType(name, topic.name, f"/v1/{COLLECTIONS[entity_of(name)]}/{{id}}")


def url_of(event: Event) -> str:
    """Where the thing is read, relative to the gateway's address."""
    return f"/v1/{COLLECTIONS[entity_of(event.type)]}/{event.key}"


def known_patterns() -> frozenset[str]:
    """What an endpoint may ask for: a type, ``<entity>.*`` or ``*``."""
    names = {one.name for one in event_types()}
    return frozenset(names | {f"{entity_of(name)}.*" for name in names} | {"*"})
