"""docs/events.md and docs/asyncapi.yaml say what the contracts say."""

import sys
from pathlib import Path
from typing import Any

import pytest

from shared.bus import documents
from shared.contracts.base import all_topics


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["documents", *arguments])
    documents.main()


def test_the_documents_are_not_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    run_main(monkeypatch, "--check")


def test_a_stale_document_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(documents, "DOCS", tmp_path)
    run_main(monkeypatch)
    run_main(monkeypatch, "--check")
    (tmp_path / "events.md").write_text("old")
    with pytest.raises(SystemExit, match=r"docs/events\.md"):
        run_main(monkeypatch, "--check")


def references(document: Any) -> set[str]:
    if isinstance(document, dict):
        own = {document["$ref"]} if isinstance(document.get("$ref"), str) else set()
        return own | {ref for inner in document.values() for ref in references(inner)}
    return {ref for inner in document for ref in references(inner)} if isinstance(document, list) else set()


@pytest.mark.promise("EB10")
def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = documents.asyncapi(all_topics())
    for reference in references(document):
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
    assert set(document["channels"]) == {topic.name for topic in all_topics()}
