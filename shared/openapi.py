"""The OpenAPI 3.1 document of one service, in the form that client generators accept (api.md §8)."""

from copy import deepcopy
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ConfigDict

from shared.examples import fill_in, restore_nulls


class ProblemError(BaseModel):
    """One wrong field; ``pointer`` (RFC 6901) points into ``location``; ``params`` are our limits."""

    location: str
    pointer: str
    code: str
    detail: str
    params: dict[str, Any]


class ProblemDocument(BaseModel):
    """RFC 9457. Branch on ``code``; show ``detail``."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:problem-type:linli:round_closed",
                "title": "本轮已截单",
                "status": 409,
                "detail": "本轮已于 18:00 截单, 请参加下一轮。",
                "instance": "/v1/orders",
                "code": "round_closed",
                "request_id": "0195c2a0-0000-7000-8000-000000000001",
            }
        }
    )

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
        for method, operation in operations.items():
            answers = operation["responses"]
            answers.pop("422", None)
            default = answers.get("default")
            if default and "application/json" in default["content"]:
                default["content"] = {"application/problem+json": default["content"]["application/json"]}
            operation.setdefault("security", [{"bearer": []}])
            for parameter in operation.get("parameters", ()):
                _say_plainly(parameter, method)
    components = made.setdefault("components", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        components.get("schemas", {}).pop(unused, None)
    schemas = components.setdefault("schemas", {})
    _name_nullable_enums(schemas)
    _say_binary(schemas)
    restore_nulls(schemas)
    for media in _json_bodies(made["paths"]):
        fill_in(schemas, media)
    for operations in made["paths"].values():
        _say_already_there(operations.get("post", {}), schemas)
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    return made


def _say_plainly(parameter: dict[str, Any], method: str) -> None:
    """A parameter is there or absent, never null; and two headers are wanted although we answer their absence
    ourselves (400 and 428, not FastAPI's 422)."""
    schema = parameter["schema"]
    choices = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(choices) == 1:
        del schema["anyOf"]
        schema |= choices[0]
    wanted = parameter["name"] == "Idempotency-Key" or (parameter["name"] == "If-Match" and method != "post")
    parameter["required"] = parameter.get("required", False) or wanted


def _say_binary(schemas: dict[str, Any]) -> None:
    """Files as ``format: binary``: generators do not know JSON Schema's ``contentMediaType``."""
    for name, schema in schemas.items():
        for part in schema.get("properties", {}).values():
            if name.startswith("Body_") and part.pop("contentMediaType", None):
                part["format"] = "binary"


def _say_already_there(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """A create that takes the client's ``id`` answers 200 too; a generated client takes what it was not told of for a
    problem, so that a repeated create would end in an error."""
    answers, body = operation.get("responses", {}), operation.get("requestBody", {}).get("content", {})
    reference = body.get("application/json", {}).get("schema", {}).get("$ref", "")
    if "201" in answers and "id" in schemas.get(reference.rpartition("/")[2], {}).get("properties", {}):
        there = deepcopy(answers["201"]) | {"description": "It was there already, with the same content"}
        operation["responses"] = {"200": there, **answers}


def _json_bodies(paths: dict[str, Any]) -> list[dict[str, Any]]:
    """The media type objects of all JSON bodies, of requests and answers."""
    operations = [operation for methods in paths.values() for operation in methods.values()]
    holders = [holder for one in operations for holder in (one.get("requestBody", {}), *one["responses"].values())]
    contents = [holder.get("content", {}) for holder in holders]
    return [content["application/json"] for content in contents if "application/json" in content]


def _name_nullable_enums(schemas: dict[str, Any]) -> None:
    """Generators want ``anyOf [$ref, null]``: an enum that may be null gets a name of its own, schema and field."""
    named: dict[str, Any] = {}
    for owner, schema in schemas.items():
        for field, part in schema.get("properties", {}).items():
            choices = part.get("anyOf", ())
            for index, choice in enumerate(choices):
                if "enum" in choice and {"type": "null"} in choices:
                    name = owner + "".join(word.capitalize() for word in field.split("_"))
                    named[name] = choice | {"title": name}
                    choices[index] = {"$ref": f"#/components/schemas/{name}"}
    schemas.update(named)
