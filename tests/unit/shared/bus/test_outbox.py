"""What may be recorded, and under which correlation."""

import orjson
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from shared.bus.context import carried_on
from shared.bus.outbox import OutboxRow, arrays, record, record_erased
from shared.contracts.base import Contract
from shared.ids import new_id
from tests.unit.shared.bus.things import FACTS, MOMENT, THINGS, ThingV1


def a_thing() -> ThingV1:
    return ThingV1(id=new_id(), version=4, area=None, value=1)


def test_a_row_says_what_happened_to_which_version() -> None:
    db, thing = AsyncSession(), a_thing()
    with carried_on("request-1", None):
        event_id = record(db, THINGS, "thing.changed", thing, occurred_at=MOMENT)
    (row,) = db.new
    assert isinstance(row, OutboxRow)
    assert (row.event_id, row.topic, row.type) == (event_id, THINGS.name, "thing.changed")
    assert (row.key, row.seq, row.occurred_at) == (thing.id, 4, MOMENT)
    assert orjson.loads(row.payload or "")["value"] == 1
    assert orjson.loads(row.headers) == {"correlationid": "request-1"}


@pytest.mark.parametrize("event_type", ["thing.invented", "thing.snapshot", "thing.erased", "fact.noted"])
def test_a_type_that_the_topic_does_not_list_is_refused(event_type: str) -> None:
    """Snapshots are the relay's, tombstones have a function of their own."""
    with pytest.raises(ValueError, match="does not list"):
        record(AsyncSession(), THINGS, event_type, a_thing())


def test_another_payload_is_refused() -> None:
    class Other(Contract):
        pass

    with pytest.raises(TypeError):
        arrays(THINGS, "thing.changed", [Other()])


def test_only_state_topics_have_tombstones() -> None:
    db = AsyncSession()
    record_erased(db, THINGS, new_id(), 5)
    (row,) = db.new
    assert isinstance(row, OutboxRow)
    assert (row.type, row.payload, row.seq) == ("thing.erased", None, 5)
    with pytest.raises(ValueError, match="no state topic"):
        record_erased(db, FACTS, new_id(), 5)
