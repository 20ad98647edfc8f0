"""The rules of the API's convention that a machine can check, each a function from document to violations.

A violation is a line that says where and what. ``RULES`` names them all; ``test_openapi_rules.py`` applies them to the
merged document and proves each by a planted violation.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.contracts.openapi_walk import (
    Document,
    body_schema,
    of_answers,
    of_requests,
    operations,
    ref_name,
    resolved,
    success,
    walk,
)

Rule = Callable[[Document], Iterator[str]]

KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.json)?")
SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
PASCAL = re.compile(r"[A-Z][A-Za-z0-9]*|Body_[a-z_]+")
RESERVED = {"import", "delete", "new", "class", "default", "export_", "function", "return", "in", "with"}
ONLY_READ = {"search", "resolve", "contacts", "reveal", "export", "verify"}
"""POST verbs that change nothing: personal data may not stand in an address."""
WITHOUT_KEY = {
    "sign_in_codes_create",
    "sessions_create",
    "sessions_refresh",
    "oauth_token",
    "inbound_create",
    "field_events_create",
}
PUBLIC = {
    "sign_in_codes_create",
    "sessions_create",
    "sessions_refresh",
    "oauth_token",
    "inbound_create",
    "inbound_schemas_list",
    "inbound_schemas_get",
    "webhook_schemas_list",
    "webhook_schemas_get",
    "vocabularies_get",
}
OUR_HEADERS = {"Idempotency-Key", "If-Match", "If-None-Match", "Accept-Language", "Last-Event-ID"}
SIGNATURES = {"webhook-id", "webhook-timestamp", "webhook-signature"}
LISTS_OF_THEIR_OWN = {"events_list", "inbound_schemas_list", "webhook_schemas_list"}
"""The feed has ``after`` and a ``next_cursor`` that is never null; the schemas are few and all there."""
MAY_BE_ABSENT = {"allowed_actions", "errors"}


def operation_ids(document: Document) -> Iterator[str]:
    """``{tag}_{verb}``, one tag, the collection in snake_case, no dots (§8)."""
    for where in operations(document):
        name, tags = where.it.get("operationId", ""), where.it.get("tags", [])
        collection = where.path.split("/")[2].replace("-", "_")
        if tags != [collection]:
            yield f"{where}: tags {tags} are not [{collection}]"
        elif not SNAKE.fullmatch(name) or not name.startswith(f"{collection}_"):
            yield f"{where}: operationId {name} is not {collection}_<verb>"


def paths(document: Document) -> Iterator[str]:
    """``/v1/…``, kebab-case, plural ids in snake_case, no reserved words, nothing at the end (§1)."""
    for path in document["paths"]:
        segments = path.split("/")[2:]
        for segment in segments:
            braced = segment.startswith("{")
            fits = SNAKE.fullmatch(segment[1:-1]) if braced else KEBAB.fullmatch(segment)
            if not fits or (not braced and segment in RESERVED):
                yield f"{path}: segment {segment!r}"
        if not path.startswith("/v1/"):
            yield f"{path}: does not begin with /v1/"


def parameters(document: Document) -> Iterator[str]:
    """snake_case queries, known headers, ids that are UUIDs, explode and style left alone (§1, §8)."""
    for where in operations(document):
        for one in where.it.get("parameters", []):
            name, place, schema = one["name"], one["in"], one["schema"]
            if place in ("query", "path") and not SNAKE.fullmatch(name):
                yield f"{where}: parameter {name} is not snake_case"
            if place == "header" and name not in OUR_HEADERS | SIGNATURES:
                yield f"{where}: header {name} is unknown"
            if place == "path" and name.endswith("_id") and schema.get("format") != "uuid":
                yield f"{where}: {name} is no UUID"
            if one.get("style", "form") == "deepObject" or one.get("explode") is False:
                yield f"{where}: style or explode of {name}"
            if any(choice == {"type": "null"} for choice in schema.get("anyOf", [])):
                yield f"{where}: parameter {name} may be null"


def problems(document: Document) -> Iterator[str]:
    """Every operation's ``default`` is problem+json by reference; FastAPI's 422 is gone (§6, §8)."""
    wanted = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    for where in operations(document):
        if where.it["responses"].get("default", {}).get("content") != wanted:
            yield f"{where}: default is no problem"
        if "422" in where.it["responses"]:
            yield f"{where}: has a 422 of its own"
    for name in ("HTTPValidationError", "ValidationError"):
        if name in document["components"]["schemas"]:
            yield f"{name} is there"


def lists(document: Document) -> Iterator[str]:
    """``limit`` 1–200, default 50, and ``cursor`` → a named page of items and a cursor that may be null (§5)."""
    for where in operations(document):
        name = ref_name(body_schema(success(where.it)))
        page = resolved(document, body_schema(success(where.it)))
        is_page = "next_cursor" in page.get("properties", {})
        if where.it["operationId"] in LISTS_OF_THEIR_OWN:
            continue
        if where.it["operationId"].endswith("_list") and where.method == "get" and not is_page:
            yield f"{where}: lists without a page"
        if not is_page:
            continue
        limit = where.parameter("limit", "query").get("schema", {})
        if (limit.get("minimum"), limit.get("maximum"), limit.get("default")) != (1, 200, 50):
            yield f"{where}: limit is not 1 to 200, default 50"
        if not where.parameter("cursor", "query"):
            yield f"{where}: no cursor"
        if not (name or "").endswith("Page") or set(page["properties"]) != {"items", "next_cursor"}:
            yield f"{where}: {name} is no named page of items and next_cursor"
        elif {"type": "null"} not in page["properties"]["next_cursor"].get("anyOf", []):
            yield f"{where}: next_cursor is never null"


def idempotency(document: Document) -> Iterator[str]:
    """Every POST with an effect wants a key, and says so (§4)."""
    for where in operations(document):
        has = where.parameter("Idempotency-Key", "header")
        exempt = where.it["operationId"] in WITHOUT_KEY or where.path.rsplit("/", 1)[1] in ONLY_READ
        if where.method == "post" and not exempt and not has.get("required"):
            yield f"{where}: wants no Idempotency-Key"
        if where.method != "post" and has:
            yield f"{where}: an Idempotency-Key on {where.method}"


def preconditions(document: Document) -> Iterator[str]:
    """PATCH, PUT and DELETE want the version that was read (§4)."""
    for where in operations(document):
        if where.method in ("patch", "put", "delete") and not where.parameter("If-Match", "header").get("required"):
            yield f"{where}: wants no If-Match"


def statuses(document: Document) -> Iterator[str]:
    """A create answers 201, and 200 where it takes an ``id``; an upload 202; a verb 200 (201 or 202 where it makes
    something) (§2, §4)."""
    for where in operations(document):
        codes = {code for code in where.it["responses"] if code.startswith("2")}
        verb = where.it["operationId"].removeprefix(f"{where.it['tags'][0]}_")
        allowed = {"create": {"201", "202"}, "upload": {"202"}}.get(verb, {"200", "201", "202", "204"})
        takes_id = "id" in resolved(document, body_schema(where.it.get("requestBody", {}))).get("properties", {})
        fits = codes == {"200", "201"} if takes_id and "201" in codes else len(codes) == 1 and codes <= allowed
        if not fits:
            yield f"{where}: answers {sorted(codes)}"


def security(document: Document) -> Iterator[str]:
    """Every operation wants a bearer token but the few that are public (§7)."""
    for where in operations(document):
        wanted: list[dict[str, list[str]]] = [] if where.it["operationId"] in PUBLIC else [{"bearer": []}]
        if where.it.get("security") != wanted:
            yield f"{where}: security is {where.it.get('security')}"


def answers_are_whole(document: Document) -> Iterator[str]:
    """Answers carry every field, null = no value; only what ``expand`` brings may be absent (§3)."""
    expanded = set(MAY_BE_ABSENT)
    for where in operations(document):
        schema = where.parameter("expand", "query").get("schema", {})
        expanded |= set(schema.get("items", schema).get("enum", []))
        expanded |= {part["const"] for part in (schema, schema.get("items", {})) if "const" in part}
    for name in sorted(of_answers(document)):
        schema = document["components"]["schemas"][name]
        missing = set(schema.get("properties", {})) - set(schema.get("required", [])) - expanded
        if missing:
            yield f"{name}: {', '.join(sorted(missing))} may be absent"


def requests_are_closed(document: Document) -> Iterator[str]:
    """Unknown fields of a request are refused (§3)."""
    for name in sorted(of_requests(document) - of_answers(document)):
        schema = document["components"]["schemas"][name]
        is_json = not name.startswith("Body_") and "properties" in schema
        if is_json and schema.get("additionalProperties") is not False:
            yield f"{name}: takes unknown fields"


def values(document: Document) -> Iterator[str]:
    """Times are date-time, days are dates, money and quantities are integers, names are snake_case (§3)."""
    for name, schema in document["components"]["schemas"].items():
        for field, part in schema.get("properties", {}).items():
            kinds = [part, *part.get("anyOf", [])]
            formats = {kind.get("format") for kind in kinds}
            types = {kind.get("type") for kind in kinds} - {"null", None}
            if not SNAKE.fullmatch(field):
                yield f"{name}.{field}: is not snake_case"
            if field.endswith("_at") and "date-time" not in formats:
                yield f"{name}.{field}: is no date-time"
            if field.endswith("_on") and "date" not in formats:
                yield f"{name}.{field}: is no date"
            if field.endswith(("_fen", "_g", "_count", "version")) and types and types != {"integer"}:
                yield f"{name}.{field}: is no integer"
    for path, node in walk(document):
        if node.get("type") == "number":
            yield f"{'/'.join(map(str, path))}: a float"


def names(document: Document) -> Iterator[str]:
    """Schemas have plain names: no generics, no module paths (§8)."""
    for name in document["components"]["schemas"]:
        if not PASCAL.fullmatch(name):
            yield f"{name}: is no plain name"


def examples(document: Document) -> Iterator[str]:
    """Every JSON request and answer shows one, and so does the problem (§8)."""
    if not _shows_one(document, {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}):
        yield "ProblemDocument: no example"
    for where in operations(document):
        sent = where.it.get("requestBody", {}).get("content", {}).get("application/json")
        if sent is not None and not _shows_one(document, sent):
            yield f"{where}: no example of the request"
        got = success(where.it).get("content", {}).get("application/json")
        if got is not None and not _shows_one(document, got):
            yield f"{where}: no example of the answer"


def _shows_one(document: Document, media: Mapping[str, Any]) -> bool:
    schema = resolved(document, media.get("schema", {}))
    if any(name in one for one in (media, schema) for name in ("example", "examples")):
        return True
    items = schema.get("properties", {}).get("items", schema if schema.get("type") == "array" else {})
    inner = resolved(document, items.get("items", {}))
    return "example" in inner or "examples" in inner


def descriptions(document: Document) -> Iterator[str]:
    """Every operation says what it does."""
    for where in operations(document):
        if not where.it.get("description"):
            yield f"{where}: says nothing"


def generators(document: Document) -> Iterator[str]:
    """Constructs that break client generators (§8)."""
    shared = of_requests(document) & of_answers(document)
    for path, node in walk(document):
        at = "/".join(map(str, path))
        if at.endswith(("example", "examples")) or "/example/" in at or "/examples/" in at:
            continue
        for word in ("prefixItems", "patternProperties", "dependentRequired", "if", "then", "else"):
            if word in node and path[-1] != "properties":
                yield f"{at}: {word}"
        if node.get("items") is False:
            yield f"{at}: items false"
        if "const" in node and not isinstance(node["const"], str):
            yield f"{at}: const that is no string"
        if "enum" in node and len({type(value) for value in node["enum"]}) != 1:
            yield f"{at}: mixed or nullable enum"
        choices = node.get("anyOf", node.get("oneOf", []))
        if {"type": "null"} in choices and any("enum" in choice for choice in choices):
            yield f"{at}: inline enum that may be null"
        if "oneOf" in node and not all(_has_kind(document, choice) for choice in node["oneOf"]):
            yield f"{at}: oneOf without a kind"
        if path[:2] == ("components", "schemas") and len(path) > 3 and path[2] in shared and "default" in node:
            yield f"{at}: default in a schema of requests and answers"
    for name, schema in document["components"]["schemas"].items():
        if schema.get("type") == "array" and ref_name(schema.get("items", {})) == name:
            yield f"{name}: an array of itself"


def _has_kind(document: Document, choice: Mapping[str, Any]) -> bool:
    properties = resolved(document, choice).get("properties", {})
    return isinstance(properties.get("kind", {}).get("const"), str) and len(properties) > 1


def uploads(document: Document) -> Iterator[str]:
    """Files travel as multipart with ``format: binary`` (§8)."""
    for where in operations(document):
        form = where.it.get("requestBody", {}).get("content", {}).get("multipart/form-data")
        if form is None:
            if where.it["operationId"].endswith("_upload"):
                yield f"{where}: an upload that is no multipart"
            continue
        fields = resolved(document, form["schema"]).get("properties", {})
        if not any(field.get("format") == "binary" for field in fields.values()):
            yield f"{where}: no binary field"


RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        operation_ids,
        paths,
        parameters,
        problems,
        lists,
        idempotency,
        preconditions,
        statuses,
        security,
        answers_are_whole,
        requests_are_closed,
        values,
        names,
        examples,
        descriptions,
        generators,
        uploads,
    )
}
