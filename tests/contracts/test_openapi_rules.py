"""The merged document keeps every rule of the API's convention, and every rule would notice (feature G1)."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from services.gateway.openapi.domain import CannotMerge, merge
from tests.contracts.merged import merged, parts
from tests.contracts.openapi_rules import RULES
from tests.contracts.openapi_walk import PREFIX, Document, operations, walk

pytestmark = pytest.mark.feature("G1")


@pytest.mark.parametrize("rule", RULES)
def test_the_document_keeps(rule: str) -> None:
    assert list(RULES[rule](merged())) == []


def test_it_is_openapi_3_1() -> None:
    assert merged()["openapi"] == "3.1.0"
    validate(merged(), cls=OpenAPIV31SpecValidator)


def test_every_example_fits_its_schema() -> None:
    document = merged()
    wrong = []
    for path, node in walk(document):
        schema = node.get("schema", node) if "schema" in node else node
        shown = [node["example"]] if "example" in node else node.get("examples", [])
        if not isinstance(shown, list) or "properties" in path[-1:] or "example" in path or "examples" in path:
            continue
        root = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **schema,
            "components": document["components"],
        }
        for example in shown:
            for error in Draft202012Validator(root, format_checker=FormatChecker()).iter_errors(example):
                wrong.append(f"{'/'.join(map(str, path))}: {error.json_path} {error.message[:80]}")
    assert wrong == []


def test_every_service_has_its_part() -> None:
    assert {name for name, part in parts().items() if part["paths"]} == set(parts())
    assert sum(len(part["paths"]) for part in parts().values()) == len(merged()["paths"])


def get(document: Document, path: str = "/v1/rounds/{round_id}", method: str = "get") -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][path][method]
    return found


def of_list(document: Document) -> dict[str, Any]:
    return get(document, "/v1/rounds")


def limit(document: Document) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in of_list(document)["parameters"] if one["name"] == "limit")
    return found


def schema(document: Document, name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


def drop_parameter(operation: dict[str, Any], name: str) -> None:
    operation["parameters"] = [one for one in operation["parameters"] if one["name"] != name]


def rename_page(document: Document) -> None:
    schemas = document["components"]["schemas"]
    schemas["Rounds"] = schemas["RoundPage"]
    of_list(document)["responses"]["200"]["content"]["application/json"]["schema"]["$ref"] = f"{PREFIX}Rounds"


def bare_list(document: Document) -> None:
    of_list(document)["responses"]["200"]["content"]["application/json"]["schema"] = {"type": "array", "items": {}}


def field(document: Document, name: str, part: dict[str, Any], owner: str = "RoundPublic") -> None:
    schema(document, owner)["properties"][name] = part
    schema(document, owner)["required"].append(name)


def move(document: Document, old: str, new: str) -> None:
    document["paths"][new] = document["paths"].pop(old)


ROUND, ROUNDS, CLOSE = "/v1/rounds/{round_id}", "/v1/rounds", "/v1/rounds/{round_id}/close"
Plant = Callable[[Document], Any]
PLANTED: dict[str, tuple[str, Plant]] = {
    "an id with a dot": ("operation_ids", lambda d: get(d).update(operationId="rounds.get")),
    "an id of another collection": ("operation_ids", lambda d: get(d).update(operationId="orders_get_round")),
    "two tags": ("operation_ids", lambda d: get(d).update(tags=["rounds", "orders"])),
    "a camelCase id": ("operation_ids", lambda d: get(d).update(operationId="rounds_getOne")),
    "a path in snake_case": ("paths", lambda d: move(d, CLOSE, "/v1/rounds/{round_id}/close_now")),
    "a trailing slash": ("paths", lambda d: move(d, CLOSE, "/v1/rounds/{round_id}/close/")),
    "a reserved word": ("paths", lambda d: move(d, CLOSE, "/v1/rounds/{round_id}/import")),
    "a path of no version": ("paths", lambda d: move(d, ROUNDS, "/api/rounds")),
    "a camelCase path parameter": ("paths", lambda d: move(d, CLOSE, "/v1/rounds/{roundId}/close")),
    "a camelCase query": ("parameters", lambda d: limit(d).update(name="pageSize")),
    "a header of one's own": ("parameters", lambda d: limit(d).update({"in": "header", "name": "X-Limit"})),
    "an id that is no UUID": ("parameters", lambda d: get(d)["parameters"][0]["schema"].pop("format")),
    "deepObject": ("parameters", lambda d: limit(d).update(style="deepObject")),
    "explode false": ("parameters", lambda d: limit(d).update(explode=False)),
    "a bracketed name": ("parameters", lambda d: limit(d).update(name="filter[a]")),
    "a parameter that may be null": (
        "parameters",
        lambda d: limit(d).update(schema={"anyOf": [{"type": "integer"}, {"type": "null"}]}),
    ),
    "no problem": ("problems", lambda d: get(d)["responses"].pop("default")),
    "a problem as plain JSON": (
        "problems",
        lambda d: get(d)["responses"]["default"].update(content={"application/json": {}}),
    ),
    "a 422 of its own": ("problems", lambda d: get(d)["responses"].update({"422": {"description": ""}})),
    "FastAPI's error": ("problems", lambda d: d["components"]["schemas"].update(HTTPValidationError={})),
    "limit up to 1000": ("lists", lambda d: limit(d)["schema"].update(maximum=1000)),
    "another default": ("lists", lambda d: limit(d)["schema"].update(default=20)),
    "no cursor": ("lists", lambda d: drop_parameter(of_list(d), "cursor")),
    "a page of another name": ("lists", rename_page),
    "a list without a page": ("lists", bare_list),
    "a page with a total": ("lists", lambda d: schema(d, "RoundPage")["properties"].update(total={"type": "integer"})),
    "a POST without a key": ("idempotency", lambda d: drop_parameter(get(d, CLOSE, "post"), "Idempotency-Key")),
    "a key that is optional": (
        "idempotency",
        lambda d: [p.update(required=False) for p in get(d, CLOSE, "post")["parameters"] if p["in"] == "header"],
    ),
    "a GET with a key": (
        "idempotency",
        lambda d: get(d)["parameters"].append({"name": "Idempotency-Key", "in": "header", "schema": {}}),
    ),
    "a PATCH without a version": ("preconditions", lambda d: drop_parameter(get(d, ROUND, "patch"), "If-Match")),
    "a create that answers 200": (
        "statuses",
        lambda d: get(d, ROUNDS, "post")["responses"].update({"200": get(d, ROUNDS, "post")["responses"].pop("201")}),
    ),
    "a create that hides its 200": ("statuses", lambda d: get(d, ROUNDS, "post")["responses"].pop("200")),
    "two successes": ("statuses", lambda d: get(d)["responses"].update({"206": {"description": ""}})),
    "an open door": ("security", lambda d: get(d).update(security=[])),
    "a field that may be absent": ("answers_are_whole", lambda d: schema(d, "RoundPublic")["required"].remove("state")),
    "unknown fields taken": ("requests_are_closed", lambda d: schema(d, "RoundCreate").pop("additionalProperties")),
    "a time that is a text": ("values", lambda d: field(d, "seen_at", {"type": "string"})),
    "a day that is a time": ("values", lambda d: field(d, "due_on", {"type": "string", "format": "date-time"})),
    "fen as a text": ("values", lambda d: field(d, "price_fen", {"type": "string"})),
    "a float": ("values", lambda d: field(d, "share", {"type": "number"})),
    "a camelCase field": ("values", lambda d: field(d, "roundCode", {"type": "string"})),
    "a generic name": ("names", lambda d: d["components"]["schemas"].update({"Page_RoundPublic_": {}})),
    "a module's path as a name": ("names", lambda d: d["components"]["schemas"].update(services__Round={})),
    "a body without an example": (
        "examples",
        lambda d: [schema(d, "RoundCreate").pop(word, None) for word in ("example", "examples")],
    ),
    "a problem without an example": ("examples", lambda d: schema(d, "ProblemDocument").pop("example")),
    "an operation that says nothing": ("descriptions", lambda d: get(d).pop("description")),
    "a tuple": ("generators", lambda d: field(d, "pair", {"type": "array", "prefixItems": [{}, {}]})),
    "items false": ("generators", lambda d: field(d, "none", {"type": "array", "items": False})),
    "patternProperties": ("generators", lambda d: field(d, "map", {"patternProperties": {"a": {}}})),
    "a constant integer": ("generators", lambda d: field(d, "one", {"const": 1})),
    "a mixed enum": ("generators", lambda d: field(d, "mixed", {"enum": ["a", 1]})),
    "an enum with null": ("generators", lambda d: field(d, "maybe", {"enum": ["a", None]})),
    "an inline enum that may be null": (
        "generators",
        lambda d: field(d, "maybe", {"anyOf": [{"enum": ["a"], "type": "string"}, {"type": "null"}]}),
    ),
    "if and then": ("generators", lambda d: field(d, "either", {"if": {}, "then": {}})),
    "dependentRequired": ("generators", lambda d: field(d, "both", {"dependentRequired": {"a": ["b"]}})),
    "a union without a kind": ("generators", lambda d: field(d, "any", {"oneOf": [{"type": "object"}, {}]})),
    "a default in an answer that is also sent": (
        "generators",
        lambda d: schema(d, "Money")["properties"]["amount_fen"].update(default=0),
    ),
    "an array of itself": (
        "generators",
        lambda d: d["components"]["schemas"].update(Tree={"type": "array", "items": {"$ref": f"{PREFIX}Tree"}}),
    ),
    "an upload that is JSON": (
        "uploads",
        lambda d: get(d, "/v1/households/upload", "post").update(requestBody={"content": {}}),
    ),
    "a file that is a text": (
        "uploads",
        lambda d: schema(d, "Body_households_upload")["properties"]["file"].pop("format"),
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_it_would_notice(name: str) -> None:
    rule, plant = PLANTED[name]
    document = copy.deepcopy(merged())
    plant(document)
    assert list(RULES[rule](document)), f"{rule} does not see {name}"


def test_every_rule_is_proved() -> None:
    assert {rule for rule, _ in PLANTED.values()} == set(RULES)


A_PATH = {"get": {"operationId": "x_get", "tags": ["x"], "responses": {}}}
CONTRADICTIONS: dict[str, dict[str, Document]] = {
    "a path of another service": {"orders": {"paths": {"/v1/people": A_PATH}}},
    "a path of the gateway": {"orders": {"paths": {"/v1/sessions": A_PATH}}},
    "a part of another's operations": {"orders": {"paths": {"/v1/operations/registry/{id}": A_PATH}}},
    "a path outside /v1": {"orders": {"paths": {"/orders": A_PATH}}},
    "the same operation twice": {
        "orders": {"paths": {"/v1/orders": A_PATH}},
        "registry": {"paths": {"/v1/people": A_PATH}},
    },
    "a schema with other content": {
        "orders": {"components": {"schemas": {"RoundPage": {"type": "object"}}}},
        "registry": {"components": {"schemas": {"RoundPage": {"type": "string"}}}},
    },
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_contradicting_parts_make_no_document(name: str) -> None:
    with pytest.raises(CannotMerge, match=r"orders|registry"):
        merge(CONTRADICTIONS[name], "http://x")


def test_every_operation_is_forwarded_to_where_it_came_from() -> None:
    from services.gateway.routing.owners import owner_of

    for name, part in parts().items():
        for where in operations(part):
            assert (owner_of(where.path) or "gateway") == name
