"""A topic and an event to try things on."""

from datetime import UTC, datetime
from uuid import UUID

from shared.contracts.base import Contract, Event, Topic
from shared.ids import new_id


class ThingV1(Contract):
    id: UUID
    version: int
    area: str | None
    value: int = 0
    at: datetime | None = None


THINGS = Topic("registry.thing.v1", "state", ThingV1, ("thing.created", "thing.changed"))
FACTS = Topic("registry.fact.v1", "event", ThingV1, ("fact.noted",))
MOMENT = datetime(2020, 2, 17, 10, 0, 0, 123456, tzinfo=UTC)


def an_event(topic: Topic = THINGS, event_type: str = "thing.changed", seq: int = 3) -> Event:
    payload = ThingV1(id=new_id(), version=seq, area="42.01", value=7)
    body = payload.to_json().decode()
    correlation, trace = "request-1", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    return Event(new_id(), event_type, topic.name, payload.id, seq, MOMENT, MOMENT, correlation, trace, payload, body)
