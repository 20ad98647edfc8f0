"""The OpenAPI 3.1 document of one service, in the form that client generators accept (api.md §8)."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel


class ProblemError(BaseModel):
    """One wrong field; ``pointer`` (RFC 6901) points into ``location``; ``params`` are our limits."""

    location: str
    pointer: str
    code: str
    detail: str
    params: dict[str, Any]


class ProblemDocument(BaseModel):
    """RFC 9457. Branch on ``code``; show ``detail``."""

    type: str
    title: str
    status: int
    detail: str
    instance: str | None
    code: str
    request_id: str | None
    errors: list[ProblemError] | None = None


PUBLIC: dict[str, Any] = {"security": []}
"""``openapi_extra`` of an operation that wants no token."""
DEFAULT_PROBLEM: dict[str, Any] = {"model": ProblemDocument, "description": "Any refusal or failure"}


def describe(app: FastAPI) -> None:
    """Replaces the application's generator by ours, cached as FastAPI's is."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def document(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(title=app.title, version=app.version, routes=app.routes, openapi_version="3.1.0")
    for operations in made["paths"].values():
        for operation in operations.values():
            answers = operation["responses"]
            answers.pop("422", None)
            default = answers.get("default")
            if default and "application/json" in default["content"]:
                default["content"] = {"application/problem+json": default["content"]["application/json"]}
            operation.setdefault("security", [{"bearer": []}])
    components = made.setdefault("components", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        components.get("schemas", {}).pop(unused, None)
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    return made
