"""Events on the wire: they come back as they went, and nothing malformed ever raises but Unreadable."""

from dataclasses import replace

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from hypothesis import given
from hypothesis import strategies as st

from shared.bus.cloudevent import Headers, Unreadable, from_kafka, to_kafka
from shared.bus.message import Message
from tests.unit.shared.bus.things import FACTS, MOMENT, THINGS, an_event


def test_an_event_comes_back_as_it_went() -> None:
    event = an_event()
    key, value, headers = to_kafka(event, (event.body or "").encode())
    back = from_kafka(THINGS, key, value, headers)
    assert back == replace(event, recorded_at=MOMENT.replace(microsecond=123000))


def test_the_library_reads_what_we_write() -> None:
    event = an_event()
    key, value, headers = to_kafka(event, (event.body or "").encode())
    assert value is not None
    read = from_binary_event(KafkaMessage(dict(headers), key, value))
    assert (read.get_id(), read.get_type()) == (str(event.id), "thing.changed")
    assert read.get_source() == f"/registry/thing/{event.key}"
    assert read.get_time() == MOMENT
    assert read.get_extension("sequence") == "00000000000000000003"
    assert read.get_extension("recordedtime") == "2020-02-17T10:00:00.123Z"
    assert read.get_data() == {"id": str(event.key), "version": 3, "area": "42.01", "value": 7, "at": None}


def test_a_tombstone_comes_back_without_payload() -> None:
    event = replace(an_event(event_type="thing.erased"), payload=None, body=None)
    key, value, headers = to_kafka(event, None)
    assert value is None
    assert from_kafka(THINGS, key, value, headers).payload is None


def test_a_newer_type_is_read_without_its_payload() -> None:
    event = an_event(event_type="thing.invented")
    key, _, headers = to_kafka(event, b"{}")
    assert from_kafka(THINGS, key, b'{"what": "nobody here knows"}', headers).payload is None


def test_unknown_fields_stay_in_the_body() -> None:
    """A copy keeps what a newer producer says although this version does not understand it."""
    event = an_event()
    key, _, headers = to_kafka(event, b"")
    richer = (event.body or "").replace('"value"', '"new":true,"value"').encode()
    back = from_kafka(THINGS, key, richer, headers)
    assert back.payload == event.payload
    assert back.body == richer.decode()


SOUND = dict(to_kafka(an_event(), b"")[2])


@pytest.mark.promise("EB6")
@pytest.mark.parametrize("changed", [
    {"ce_id": b"7"},
    {"ce_specversion": b"0.3"},
    {"ce_specversion": b"2.0"},
    {"ce_dataschema": b"/schemas/registry.thing.v2"},
    {"ce_sequence": b"many"},
    {"ce_sequence": b"00000000000000000004"},
    {"ce_time": b"yesterday"},
    {"ce_recordedtime": b"2020-02-17T10:00:00"},
    {"ce_type": b"\xff"},
    {"ce_type": b""},
])  # fmt: skip
def test_wrong_headers_are_unreadable(changed: dict[str, bytes]) -> None:
    event = an_event()
    key, value, headers = to_kafka(event, (event.body or "").encode())
    with pytest.raises(Unreadable):
        from_kafka(THINGS, key, value, list((dict(headers) | changed).items()))


@pytest.mark.promise("EB6")
@pytest.mark.parametrize("value", [b"", b"{", b"null", b"[]", b"\xff\xfe", b'{"id":1}', b"[" * 100_000, None])
def test_wrong_payloads_are_unreadable(value: bytes | None) -> None:
    key, _, headers = to_kafka(an_event(), b"")
    with pytest.raises(Unreadable) as caught:
        from_kafka(THINGS, key, value, headers)
    assert len(str(caught.value)) < 500


def test_an_event_topic_has_no_tombstones() -> None:
    key, _, headers = to_kafka(an_event(FACTS, "fact.noted"), b"")
    with pytest.raises(Unreadable):
        from_kafka(FACTS, key, None, headers)


def test_the_reason_never_quotes_the_payload() -> None:
    key, _, headers = to_kafka(an_event(), b"")
    with pytest.raises(Unreadable) as caught:
        from_kafka(THINGS, key, b'{"id": "13800138000", "version": "secret"}', headers)
    assert "13800138000" not in str(caught.value)
    assert "secret" not in str(caught.value)


NAMES = st.sampled_from([*SOUND, "other"])


@pytest.mark.promise("EB6")
@given(
    key=st.none() | st.binary(max_size=40),
    value=st.none() | st.binary(max_size=60),
    headers=st.dictionaries(NAMES, st.binary(max_size=40) | st.sampled_from(list(SOUND.values()))),
)
def test_whatever_comes_is_an_event_or_says_why_not(
    key: bytes | None, value: bytes | None, headers: dict[str, bytes]
) -> None:
    pairs: Headers = list(headers.items())
    message = Message.read(THINGS, 0, 1, key, value, pairs)
    again = Message.read(THINGS, 0, 1, key, value, pairs)
    assert (message.event is None) == bool(message.error)
    assert (message.key, message.event_id) == (again.key, again.event_id)
