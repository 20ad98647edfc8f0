"""Standard Webhooks signatures, made and checked: HMAC-SHA256 over ``id.timestamp.body``, version ``v1``.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md. The package
``standardwebhooks`` is the oracle of the tests; it raises ValueError and UnicodeDecodeError on malformed input, this
module only ``signature_invalid``.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping

from shared.problems import Unauthenticated

PREFIX = "whsec_"
SECRET_BYTES = 32
TOLERANCE_SECONDS = 300
MAX_SIGNATURES = 20
_ID = re.compile(r"[!-~]{1,256}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


def new_secret() -> str:
    """``whsec_`` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)


def _digest(secret: str, message_id: str, timestamp: str, body: bytes) -> bytes:
    return hmac.digest(_key(secret), f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)


def signed_headers(secrets: Iterable[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a message; one signature per secret, so that a receiver may hold any of them.

    ``timestamp`` is epoch seconds, fresh for every attempt; ``message_id`` stays the same.
    """
    signatures = (base64.b64encode(_digest(secret, message_id, str(timestamp), body)).decode() for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def verified_id(headers: Mapping[str, str], body: bytes, secrets: Iterable[str], now: float) -> str:
    """The message's id, once one signature over the raw bytes fits one secret. ``now`` is epoch seconds.

    Raises Unauthenticated (``signature_invalid``) for anything else: absent or malformed headers, a timestamp more
    than 300 s away, a foreign signature.
    """
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not _ID.fullmatch(message_id) or not _TIMESTAMP.fullmatch(timestamp):
        raise _refused(
            "webhook-id、webhook-timestamp 缺失或格式不正确。",
            "webhook-id or webhook-timestamp is missing or malformed.",
        )
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise _refused(
            "签名时间与当前相差超过 300 秒; 请校准时钟并重新签名。",
            "The signature is more than 300 s old or ahead; set your clock and sign every attempt anew.",
        )
    given = _signatures(headers.get("webhook-signature", ""))
    expected = [_digest(secret, message_id, timestamp, body) for secret in secrets]
    matches = [hmac.compare_digest(one, other) for one in expected for other in given]
    if True not in matches:
        raise _refused(
            "签名不符; 请用该来源当前的密钥对原始字节签名。",
            "No signature fits; sign the raw bytes with the source's present secret (v1).",
        )
    return message_id


def _signatures(header: str) -> list[bytes]:
    """The ``v1`` signatures in the header that are 32 bytes of base64; others are passed over, as the standard says."""
    found = []
    for part in header.split(" ")[:MAX_SIGNATURES]:
        version, _, encoded = part.partition(",")
        if version != "v1" or not encoded.isascii():
            continue
        try:
            signature = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            continue
        if len(signature) == hashlib.sha256().digest_size:
            found.append(signature)
    return found


def _refused(zh: str, en: str) -> Unauthenticated:
    return Unauthenticated((zh, en), code="signature_invalid")
