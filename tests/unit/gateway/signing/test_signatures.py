"""Signatures, with the ``standardwebhooks`` package as the oracle."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from services.gateway.signing.domain import new_secret, signed_headers, verified_id
from shared.problems import Unauthenticated

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'


@pytest.mark.promise("WO2")
def test_signs_the_vector_of_the_specification() -> None:
    headers = signed_headers([SECRET], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.promise("WO2")
@given(body=st.text(max_size=300), seconds=st.integers(-250, 250))
def test_the_oracle_accepts_what_is_signed(body: str, seconds: int) -> None:
    secret, now = new_secret(), int(time.time())
    headers = signed_headers(
        [new_secret(), secret], "0195c2a0-0000-7000-8000-000000000001", now + seconds, body.encode()
    )
    Webhook(secret).verify(body.encode(), headers, json_parse=False)
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(new_secret()).verify(body.encode(), headers, json_parse=False)


@pytest.mark.promise("WI1")
@given(body=st.text(max_size=300))
def test_accepts_what_the_oracle_signs(body: str) -> None:
    moment = datetime.now(UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("msg_1", moment, body),
    }
    assert verified_id(headers, body.encode(), [new_secret(), SECRET], moment.timestamp()) == "msg_1"
    with pytest.raises(Unauthenticated):
        verified_id(headers, body.encode() + b" ", [SECRET], moment.timestamp())


@pytest.mark.parametrize("away", [-301, 301])
def test_refuses_an_old_or_early_signature(away: int) -> None:
    headers = signed_headers([SECRET], "m", 1_600_000_000, BODY)
    verified_id(headers, BODY, [SECRET], 1_600_000_000 + away - away // abs(away))
    with pytest.raises(Unauthenticated) as refused:
        verified_id(headers, BODY, [SECRET], 1_600_000_000 + away)
    assert refused.value.code == "signature_invalid"


@pytest.mark.promise("WI1")
@given(
    id=st.none() | st.text(max_size=40),
    timestamp=st.none() | st.text(max_size=20) | st.integers(-(10**14), 10**14).map(str),
    signature=st.none() | st.text(max_size=80) | st.text(alphabet="v1, =+/Aa\xff", max_size=80),
)
def test_malformed_headers_are_refused_and_nothing_else(
    id: str | None, timestamp: str | None, signature: str | None
) -> None:
    given_headers = {"webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature}
    headers = {name: value for name, value in given_headers.items() if value is not None}
    with pytest.raises(Unauthenticated):
        verified_id(headers, b"\xff\x00", [SECRET], time.time())


def test_without_a_secret_nothing_is_accepted() -> None:
    headers = signed_headers([SECRET], "m", 1_600_000_000, BODY)
    with pytest.raises(Unauthenticated):
        verified_id(headers, BODY, [], 1_600_000_000)
