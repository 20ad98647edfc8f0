"""Ways through an OpenAPI document."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
PREFIX = "#/components/schemas/"


@dataclass(frozen=True)
class Operation:
    """One operation and where it stands."""

    method: str
    path: str
    it: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    def parameter(self, name: str, place: str) -> Mapping[str, Any]:
        """The parameter, or an empty mapping."""
        for one in self.it.get("parameters", []):
            if (one["name"], one["in"]) == (name, place):
                found: Mapping[str, Any] = one
                return found
        return {}


def operations(document: Document) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method in METHODS:
                yield Operation(method, path, operation)


def walk(node: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any]]]:
    """Every mapping inside, with the way to it."""
    if isinstance(node, dict):
        yield path, node
        for name, inner in node.items():
            yield from walk(inner, (*path, name))
    elif isinstance(node, list):
        for index, inner in enumerate(node):
            yield from walk(inner, (*path, index))


def ref_name(schema: Mapping[str, Any]) -> str | None:
    """The component that a schema refers to."""
    reference: str | None = schema.get("$ref")
    return reference.removeprefix(PREFIX) if reference else None


def resolved(document: Document, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself, or the component that it refers to."""
    name = ref_name(schema)
    found: Mapping[str, Any] = schema if name is None else document["components"]["schemas"][name]
    return found


def success(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first 2xx answer."""
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            found: Mapping[str, Any] = answer
            return found
    return {}


def body_schema(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return found


def of_requests(document: Document) -> set[str]:
    """Components that a request may carry."""
    return _reached(document, [where.it.get("requestBody", {}) for where in operations(document)])


def of_answers(document: Document) -> set[str]:
    """Components that an answer may carry."""
    return _reached(document, [where.it["responses"] for where in operations(document)])


def _reached(document: Document, roots: list[Any]) -> set[str]:
    found: set[str] = set()
    waiting = roots
    while waiting:
        names = {name for _, node in walk(waiting) if isinstance(node.get("$ref"), str) and (name := ref_name(node))}
        waiting = [document["components"]["schemas"][name] for name in names - found]
        found |= names
    return found
