"""Reading what strangers send, and judging what owners answer (feature G4)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.inbound import domain
from shared.problems import Malformed

pytestmark = pytest.mark.feature("G4")


@pytest.mark.promise("WI1")
@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_refused(body: bytes) -> None:
    try:
        assert isinstance(domain.parsed(body), dict)
    except Malformed as refused:
        assert refused.status == 400  # noqa: PT017 - either outcome is right


@pytest.mark.promise("WI4")
@pytest.mark.parametrize("opening", ['{"a":', "["])
def test_depth(opening: str) -> None:
    closing = "}" if opening.startswith("{") else "]"

    def nested(depth: int) -> bytes:
        inner = opening * (depth - 1) + "1" + closing * (depth - 1)
        return ('{"a":' + inner + "}").encode()

    assert domain.parsed(nested(domain.DEPTH_AT_MOST))
    with pytest.raises(Malformed):
        domain.parsed(nested(domain.DEPTH_AT_MOST + 1))


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (201, {"id": "1"}, "applied"),
        (200, None, "applied"),
        (422, {"code": "validation_failed"}, "rejected"),
        (404, {"code": "not_found"}, "rejected"),
        (403, {"code": "forbidden"}, "rejected"),
        (409, {"code": "transition_not_allowed"}, "rejected"),
        (409, {"code": "not_yet_known"}, "received"),
        (409, {"code": "in_progress"}, "received"),
        (401, {}, "received"),
        (429, {}, "received"),
        (503, None, "received"),
    ],
)
def test_an_owner_s_answer(status: int, body: Any, state: str) -> None:
    outcome = domain.judge(status, body, 1, "notices")
    assert outcome.state == state
    assert (outcome.delay > 0) == (state == "received")
    if state == "rejected":
        assert outcome.problem["code"] == body["code"]


def test_a_refusal_without_a_problem_still_says_why() -> None:
    assert domain.judge(418, "teapot", 1, "notices").problem["code"]


def test_given_up_at_last() -> None:
    assert domain.put_off(domain.GIVEN_UP_AFTER - 1).delay == domain.DELAYS[-1]
    assert domain.put_off(domain.GIVEN_UP_AFTER).state == "rejected"
    assert domain.put_off(domain.GIVEN_UP_AFTER).problem["code"] == "unavailable"
