"""What integrators read is what is sent (feature G16)."""

import sys
from pathlib import Path

import jsonschema
import orjson
import pytest

from services.gateway import documents
from services.gateway.webhooks import published
from services.gateway.webhooks.messages import concern_of, thin
from shared.clock import now
from shared.contracts import orders, registry
from shared.contracts.base import Event
from shared.contracts.record import RecordV1
from shared.ids import new_id

pytestmark = pytest.mark.feature("G16")


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["documents", *arguments])
    documents.main()


def test_the_documents_are_not_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    run_main(monkeypatch, "--check")


def test_a_stale_document_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "webhooks.md").write_text(f"before\n{documents.BEGIN}\nold\n{documents.END}\nafter\n")
    monkeypatch.setattr(documents, "DOCS", docs)
    run_main(monkeypatch)
    run_main(monkeypatch, "--check")
    written = (docs / "webhooks.md").read_text()
    assert written.startswith("before\n")
    assert written.endswith("\nafter\n")
    (docs / "schemas" / "webhook-event.json").write_text("{}")
    with pytest.raises(SystemExit, match=r"webhook-event\.json"):
        run_main(monkeypatch, "--check")


def an_event() -> Event:
    payload = orders.RoundV1(
        id=new_id(),
        version=8,
        area="42.01.12.013.001",
        purchase_id=new_id(),
        store_id=new_id(),
        state="closed",
        reason=None,
        cut_off_at=now(),
        late_entry_until=now(),
    )
    return Event(new_id(), "round.closed", orders.ROUND.name, payload.id, 8, now(), now(), "req", None, payload)


def test_what_is_sent_fits_the_published_schemas_and_they_bite() -> None:
    sent = orjson.loads(thin(an_event(), "42.01.12.013.001"))
    checker = jsonschema.FormatChecker()
    for schema in (published.json_schema("round.closed"), published.any_event_schema()):
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(sent, schema, format_checker=checker)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(sent | {"type": "round.eaten"}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(sent, published.json_schema("round.opened"))


@pytest.mark.promise("WO13")
def test_an_event_is_thin() -> None:
    sent = orjson.loads(thin(an_event(), "42.01.12.013.001"))
    assert set(sent) == {"id", "type", "timestamp", "recorded_at", "data"}
    assert set(sent["data"]) == {"id", "version", "area", "url", "request_id"}


def test_whom_an_event_concerns() -> None:
    event = an_event()
    assert event.payload is not None
    assert concern_of(event.payload).areas == ["42.01.12.013.001"]
    assert concern_of(event.payload).organization_ids == [event.of(orders.RoundV1).store_id]
    store = new_id()
    refs = {"store_id": store, "source_id": new_id()}
    record = RecordV1(id=new_id(), version=1, area=None, kind="x", state=None, refs=refs, reason=None)
    assert (concern_of(record).areas, concern_of(record).organization_ids) == ([], [store])
    emergency = registry.EmergencyV1(
        id=new_id(), version=1, area="42.01.12", areas=["42.01.12.013", "42.01.12.014"], title="t", legal_basis="l",
        notice_id=None, from_at=now(), closed_at=None, state="active",
    )  # fmt: skip
    assert concern_of(emergency).areas == ["42.01.12.013", "42.01.12.014"]
