"""One OpenAPI document of five parts: the gateway's own and the services', put together without a word changed.

What cannot be put together is an error that names it, never a partial document.
"""

from collections.abc import Mapping
from typing import Any

from services.gateway.routing.owners import MERGED, OWNER_OF

Document = dict[str, Any]
GATEWAY = "gateway"
DESCRIPTION = (
    "One API for residents, volunteers, communities, streets, stores and receivers. Errors are problem+json "
    "(RFC 9457): branch on `code`. Times are UTC with milliseconds, money is integer fen. "
    "Every POST with an effect wants an Idempotency-Key, every PATCH, PUT and DELETE an If-Match."
)


class CannotMerge(Exception):
    """Two parts contradict each other, or one says what is not its own. The message names it."""


def merge(parts: Mapping[str, Document], public_url: str) -> Document:
    """``parts``: each service's document by its name, the gateway's own included. Raises CannotMerge."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    operations: dict[str, str] = {}
    for service, part in parts.items():
        for path, methods in part.get("paths", {}).items():
            _check_owner(service, path)
            if path in paths:
                raise CannotMerge(f"{service}: path {path} is there twice")
            paths[path] = methods
            _add_operations(operations, service, methods)
        _add_schemas(schemas, service, part.get("components", {}).get("schemas", {}))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Linli", "version": "1", "description": DESCRIPTION},
        "servers": [{"url": public_url}],
        "tags": [{"name": tag} for tag in _tags(paths)],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _check_owner(service: str, path: str) -> None:
    segments = path.split("/")
    if len(segments) < 3 or segments[1] != "v1":
        raise CannotMerge(f"{service}: path {path} does not begin with /v1/")
    owner = OWNER_OF.get(segments[2], GATEWAY)
    if segments[2] in MERGED:
        owner = segments[3] if len(segments) > 3 else GATEWAY
    if owner != service:
        raise CannotMerge(f"{service}: path {path} belongs to {owner}")


def _add_operations(operations: dict[str, str], service: str, methods: Mapping[str, Any]) -> None:
    for operation in methods.values():
        name = operation["operationId"]
        if name in operations:
            raise CannotMerge(f"{service}: operation {name} is there twice, also in {operations[name]}")
        operations[name] = service


def _add_schemas(schemas: dict[str, Any], service: str, more: Mapping[str, Any]) -> None:
    for name, schema in more.items():
        if schemas.setdefault(name, schema) != schema:
            raise CannotMerge(f"{service}: schema {name} is there with other content")


def _tags(paths: Mapping[str, Any]) -> list[str]:
    return sorted({tag for methods in paths.values() for one in methods.values() for tag in one.get("tags", ())})
