"""Signing in by telephone, step by step.

These steps open their own transactions, other than every use case: a wrong try must be counted although the request is
refused, and no transaction stays open while a telephone or registry is waited for.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from services.gateway.identity import use_cases
from services.gateway.identity.keys import GATEWAY_ID, signing_key
from services.gateway.identity.tables import SignInCode
from services.gateway.identity.use_cases import Tokens
from services.gateway.limits import Limiter, Policy
from services.gateway.settings import GatewaySettings
from services.gateway.sms import sender
from services.gateway.upstream import call, unavailable
from shared.auth import Principal
from shared.problems import Problem, Unauthenticated
from shared.service import Resources

ITSELF = Principal(id=GATEWAY_ID, kind="service", session_id=GATEWAY_ID)
"""Who writes before anybody is signed in."""
WINDOW_SECONDS = 900
DAY_SECONDS = 86_400
TEXT = "【邻里】验证码 {code}, 5 分钟内有效, 请勿告诉他人。 Linli code {code}, valid for 5 minutes."


@dataclass(frozen=True)
class SentCode:
    """A code on its way; ``digits`` only where the profile allows a client to read them."""

    row: SignInCode
    digits: str | None


async def send_code(resources: Resources, limiter: Limiter, phone: str, address: str) -> SentCode:
    """Sends a code to any telephone, known or not, so that the answer tells nothing.

    Raises RateLimited (per phone and per address), Unavailable when limits or messages are out of order.
    """
    settings = cast(GatewaySettings, resources.settings)
    phone_hash = resources.vault.lookup(phone, "phone")
    for policy, caller in (
        (Policy("code-address", settings.codes_per_address, WINDOW_SECONDS, exact=True), address),
        (Policy("code-phone", settings.codes_per_phone, WINDOW_SECONDS, exact=True), phone_hash.hex()),
        (Policy("code-phone-day", settings.codes_per_phone_and_day, DAY_SECONDS, exact=True), phone_hash.hex()),
    ):
        (await limiter.take(policy, caller)).must()
    async with resources.db.transaction(ITSELF) as db:
        row, digits = await use_cases.keep_code(db, _code_key(settings), phone_hash)
    await sender(settings.sms_outbox).send(phone, TEXT.format(code=digits))
    return SentCode(row, digits if settings.common.profile == "laptop" else None)


async def sign_in(resources: Resources, code_id: UUID, phone: str, code: str, device: str | None) -> Tokens:
    """From the code to a session of the person whom registry knows by this telephone, or makes now.

    Raises Invalid (``wrong_or_expired``), Unavailable when registry does not answer; the code then still counts.
    """
    settings = cast(GatewaySettings, resources.settings)
    async with resources.db.transaction(ITSELF) as db:
        phone_hash = resources.vault.lookup(phone, "phone")
        right = await use_cases.try_code(db, _code_key(settings), code_id, phone_hash, code)
    if not right:
        raise use_cases.wrong_code()
    person_id = await person_behind(resources, phone, str(code_id))
    async with resources.db.transaction(ITSELF) as db:
        return await use_cases.open_session(db, signing_key(settings), code_id, person_id, device)


async def refresh(resources: Resources, refresh_token: str) -> Tokens:
    """The session's next tokens. Raises Unauthenticated; a token that was spent before ends its session."""
    settings = cast(GatewaySettings, resources.settings)
    async with resources.db.transaction(ITSELF) as db:
        tokens = await use_cases.renew(db, signing_key(settings), refresh_token)
    if tokens is None:
        raise Unauthenticated(("登录已失效, 请重新登录。", "This session is over; sign in again."))
    return tokens


async def person_behind(resources: Resources, phone: str, key: str) -> UUID:
    """Registry's person for a verified telephone, found or made. Raises Unavailable, Problem (``bad_upstream``)."""
    answer = await call(resources, "registry", "POST", "/v1/people/ensure", json={"phone": phone}, key=key)
    if answer.status_code == 409:
        raise unavailable("registry")  # the same person is being made by another request
    if answer.status_code not in (200, 201):
        raise Problem(code="bad_upstream")
    return UUID(answer.json()["id"])


def _code_key(settings: GatewaySettings) -> bytes:
    return hmac.digest(settings.master_keys.get_secret_value().encode(), b"linli sign-in codes", hashlib.sha256)
