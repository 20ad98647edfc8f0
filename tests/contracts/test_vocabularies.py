"""Every state and kind that the API shows has its words in both languages (feature G7)."""

import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import pytest

from services.gateway.vocabularies.kinds import KINDS
from services.gateway.vocabularies.states import STATES
from shared.machine import Machine
from shared.settings import SERVICES
from tests.contracts.merged import merged
from tests.contracts.openapi_walk import Document, resolved

pytestmark = pytest.mark.feature("G7")
WORDS = {**STATES, **KINDS}
TECHNICAL = {"fields", "format", "token_type", "currency", "name", "outcome", "type"}
"""Fields whose values people do not read."""


def machines() -> Iterator[Machine]:
    for service in SERVICES:
        package = import_module(f"services.{service}")
        for found in walk_packages(package.__path__, f"services.{service}."):
            if found.name.endswith(".domain"):
                yield from (one for one in vars(import_module(found.name)).values() if isinstance(one, Machine))


def closed_lists(document: Document) -> Iterator[tuple[str, str, list[str]]]:
    """(schema, field, values) of every field with a closed list."""
    for name, schema in document["components"]["schemas"].items():
        for field, part in schema.get("properties", {}).items():
            for values in enums(document, part):
                yield name, field, values


def enums(document: Document, part: Mapping[str, Any]) -> Iterator[list[str]]:
    part = resolved(document, part)
    if "enum" in part:
        yield part["enum"]
    for inner in (*part.get("anyOf", ()), part.get("items")):
        if isinstance(inner, dict) and ("enum" in resolved(document, inner)):
            yield from enums(document, inner)


def missing(document: Document) -> list[str]:
    """Values without words."""
    wrong = []
    for schema, field, values in closed_lists(document):
        resource = re.sub(r"(?<!^)(?=[A-Z])", "_", schema).lower()
        fitting = [
            terms
            for name, terms in WORDS.items()
            if name == field or (name.endswith(f".{field}") and resource.startswith(name.partition(".")[0]))
        ]
        if field not in TECHNICAL and not any(set(values) <= set(terms) for terms in fitting):
            wrong.append(f"{schema}.{field}: {values}")
    return wrong


def test_every_machine_has_words() -> None:
    found = {machine.name: set(machine.states) for machine in machines()}
    assert len(found) > 20
    assert {name: states for name, states in found.items() if not states <= set(WORDS.get(f"{name}.state", {}))} == {}


def test_every_closed_list_of_the_api_has_words() -> None:
    assert missing(merged()) == []


def test_a_new_value_would_be_noticed() -> None:
    part = {"type": "string", "enum": ["placed", "vanished"]}
    planted: Document = {"components": {"schemas": {"OrderPublic": {"properties": {"state": part}}}}}
    assert missing(planted) == ["OrderPublic.state: ['placed', 'vanished']"]


@pytest.mark.parametrize("name", WORDS)
def test_words_are_there_in_both_languages(name: str) -> None:
    for value, (zh, en) in WORDS[name].items():
        assert re.search("[\u4e00-\u9fff]", zh), value
        assert re.fullmatch("[ -~]+", en), value
