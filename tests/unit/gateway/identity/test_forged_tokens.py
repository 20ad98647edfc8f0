"""Every forged token is refused alike (promise AZ3)."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey

from services.gateway.identity.keys import load_key
from shared.auth import Grant, Principal, claims_of, read_token, sign_token
from shared.ids import new_id
from shared.problems import Unauthenticated

pytestmark = [pytest.mark.promise("AZ3"), pytest.mark.feature("G2")]
KEY = load_key(base64.b64encode(bytes(range(32))).decode())
OTHER = load_key(base64.b64encode(bytes(range(32, 64))).decode())
KEYS = KeySet([KEY])
WHO = Principal(new_id(), "person", new_id(), (Grant("administrator", "42.01"),))


def claims(**changes: Any) -> dict[str, Any]:
    return claims_of(WHO, time.time()) | changes


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed(header: dict[str, Any], body: dict[str, Any], key: OKPKey = KEY) -> str:
    """A token with any header, signed as Ed25519 signs."""
    text = f"{part(header)}.{part(body)}"
    return f"{text}.{part(key.private_key.sign(text.encode()))}"  # type: ignore[union-attr]


HEADER = {"alg": "Ed25519", "typ": "at+jwt", "kid": KEY.kid}


def hs256_with_the_public_key() -> str:
    header = part({"alg": "HS256", "typ": "at+jwt", "kid": KEY.kid})
    text = f"{header}.{part(claims())}"
    return f"{text}.{part(hmac.digest(KEY.as_pem(private=False), text.encode(), hashlib.sha256))}"


def altered() -> str:
    head, _, mark = sign_token(WHO, KEY).split(".")
    return f"{head}.{part(claims(kind='service'))}.{mark}"


FORGED = {
    "no algorithm": f"{part({'alg': 'none', 'typ': 'at+jwt'})}.{part(claims())}.",
    "no algorithm, in capitals": f"{part({'alg': 'NONE', 'typ': 'at+jwt'})}.{part(claims())}.",
    "HS256 with the public key": hs256_with_the_public_key(),
    "kid that points elsewhere": signed(HEADER | {"kid": "../../../../dev/null"}, claims()),
    "kid of nobody": signed(HEADER | {"kid": "x"}, claims()),
    "another's key under our kid": signed(HEADER, claims(), OTHER),
    "jku": signed(HEADER | {"jku": "https://evil.example/jwks.json"}, claims(), OTHER),
    "jwk inside": signed(HEADER | {"jwk": OTHER.as_dict(private=False)}, claims(), OTHER),
    "x5u": signed(HEADER | {"x5u": "https://evil.example/x"}, claims(), OTHER),
    "wrong audience": signed(HEADER, claims(aud="another")),
    "wrong issuer": signed(HEADER, claims(iss="another")),
    "expired": signed(HEADER, claims(exp=int(time.time()) - 60)),
    "never expires": signed(HEADER, {k: v for k, v in claims().items() if k != "exp"}),
    "without subject": signed(HEADER, {k: v for k, v in claims().items() if k != "sub"}),
    "from the future": signed(HEADER, claims(iat=time.time() + 600)),
    "another type": signed(HEADER | {"typ": "JWT"}, claims()),
    "altered claims": altered(),
    "refresh token": "lrt_Yk3xq8V8J2K6tq3oYk3xq8V8J2K6tq3oYk3xq8V8J2K",
    "unknown critical header": signed(HEADER | {"crit": ["b64"], "b64": False}, claims()),
    "empty": "",
    "not a token": "a.b.c",
    "five parts": "a.b.c.d.e",
    "not ASCII": "é.é.é",
    "claims that are a list": f"{part(HEADER)}.{part([1])}.{part(b'x')}",
}


def test_the_real_one_is_accepted() -> None:
    assert read_token(sign_token(WHO, KEY), KEYS)["sub"] == str(WHO.id)
    assert read_token(signed(HEADER, claims()), KEYS)["sub"] == str(WHO.id)


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_one_is_not(name: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        read_token(FORGED[name], KEYS)
    assert refusal.value.status == 401
    assert refusal.value.code == ("token_expired" if name == "expired" else "unauthenticated")


def test_another_library_reads_our_token() -> None:
    decoded = jwt.decode(sign_token(WHO, KEY), KEYS, algorithms=["Ed25519"])
    assert decoded.header == HEADER
