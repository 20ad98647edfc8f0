"""Topics and payloads: what is refused when a contract is written down."""

from datetime import date, datetime
from uuid import UUID

import pytest

from shared.bus.subscription import Subscription
from shared.clock import NaiveTime
from shared.contracts.base import Contract, Topic, all_topics
from shared.ids import new_id
from tests.unit.shared.bus.things import FACTS, MOMENT, THINGS, ThingV1, an_event


async def ignore(*_: object) -> None:
    """A handler."""


class Bare(Contract):
    id: UUID
    version: int


@pytest.mark.parametrize("name", ["registry.thing", "registry.thing.1", "registry.thing.vx", "a.b.c.v1"])
def test_a_topic_is_named_service_resource_version(name: str) -> None:
    with pytest.raises(ValueError, match="is named"):
        Topic(name, "state", ThingV1, ())


def test_a_payload_without_area_is_no_payload() -> None:
    with pytest.raises(ValueError, match="lacks area"):
        Topic("registry.thing.v1", "state", Bare, ())


def test_a_topic_knows_its_parts() -> None:
    key = new_id()
    assert (THINGS.service, THINGS.resource, THINGS.version) == ("registry", "thing", 1)
    assert THINGS.all_types == ("thing.created", "thing.changed", "thing.snapshot", "thing.erased")
    assert FACTS.all_types == ("fact.noted",)
    assert THINGS.source(key) == f"/registry/thing/{key}"


def test_instants_are_written_in_utc_with_milliseconds_and_days_as_days() -> None:
    class Dated(ThingV1):
        on: date

    thing = Dated(id=UUID(int=1), version=1, area=None, at=MOMENT, on=date(2020, 2, 17))
    written = b'"at":"2020-02-17T10:00:00.123Z","on":"2020-02-17"}'
    assert thing.to_json().endswith(written)


def test_a_time_without_offset_has_no_place_in_an_event() -> None:
    with pytest.raises(TypeError) as caught:
        ThingV1(id=new_id(), version=1, area=None, at=datetime(2020, 2, 17)).to_json()  # noqa: DTZ001
    assert isinstance(caught.value.__cause__, NaiveTime)


def test_a_handler_gets_the_payload_it_asks_for_or_an_error() -> None:
    event = an_event()
    assert event.of(ThingV1) is event.payload
    with pytest.raises(TypeError, match="not Bare"):
        event.of(Bare)


def test_topics_are_declared_once_and_by_their_owner() -> None:
    assert {topic.service for topic in all_topics()} == {"registry", "orders", "dispatch", "gateway"}


def test_an_effect_sees_no_snapshots_and_tombstones_only_by_name() -> None:
    effect = Subscription(THINGS, "effect", ignore)
    assert [name for name in THINGS.all_types if effect.wants(name)] == ["thing.created", "thing.changed"]
    erasing = Subscription(THINGS, "effect", ignore, types=("thing.erased",))
    assert [name for name in THINGS.all_types if erasing.wants(name)] == ["thing.erased"]
    copy = Subscription(THINGS, "copy", ignore)
    assert [name for name in THINGS.all_types if copy.wants(name)] == list(THINGS.all_types)


@pytest.mark.parametrize("types", [("thing.invented",), ("thing.snapshot",)])
def test_a_subscription_to_what_cannot_come_is_refused(types: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"has no|a snapshot has no"):
        Subscription(THINGS, "effect", ignore, types=types)


def test_snapshot_and_tombstone_are_never_listed() -> None:
    with pytest.raises(ValueError, match="implicit"):
        Topic("registry.thing.v1", "state", ThingV1, ("thing.created", "thing.erased"))
