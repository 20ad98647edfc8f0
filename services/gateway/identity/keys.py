"""The gateway's signing keys, and the token with which it calls the services in its own name."""

import time
from functools import lru_cache
from uuid import UUID

from joserfc.jwk import KeySet, OKPKey

from services.gateway.settings import GatewaySettings
from shared.auth import TOKEN_SECONDS, Principal, sign_token
from shared.settings import decode_key

GATEWAY_ID = UUID("0190b1e4-0000-7000-8000-6c696e6c6921")
"""Whom the gateway is when it calls a service itself."""


@lru_cache(maxsize=8)
def load_key(secret: str) -> OKPKey:
    """The Ed25519 private key of 32 base64-encoded bytes; its ``kid`` is the RFC 7638 thumbprint."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private = Ed25519PrivateKey.from_private_bytes(decode_key("LINLI_GATEWAY_SIGNING_KEY", secret))
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key = OKPKey.import_key(pem, {"use": "sig", "alg": "Ed25519"})
    key.ensure_kid()
    return key


def signing_key(settings: GatewaySettings) -> OKPKey:
    return load_key(settings.signing_key.get_secret_value())


def key_set(settings: GatewaySettings) -> KeySet:
    """The keys whose tokens count now: the present one, and the one before while its tokens live."""
    secrets = (settings.signing_key.get_secret_value(), settings.previous_signing_key.get_secret_value())
    return KeySet([load_key(secret) for secret in secrets if secret])


_service_tokens: dict[str, tuple[float, str]] = {}


def service_token(settings: GatewaySettings) -> str:
    """A bearer token of kind ``service``, valid for at least another minute."""
    key = signing_key(settings)
    made_at, token = _service_tokens.get(str(key.kid), (0.0, ""))
    if time.monotonic() - made_at > TOKEN_SECONDS - 60 or not token:
        token = sign_token(Principal(id=GATEWAY_ID, kind="service", session_id=GATEWAY_ID), key)
        _service_tokens[str(key.kid)] = (time.monotonic(), token)
    return token
