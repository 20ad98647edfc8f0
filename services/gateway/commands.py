"""``python -m services.gateway admin|sign-in``: the first administrator, and a developer's token."""

from typing import Any

import httpx
import typer

from services.gateway.identity.keys import service_token
from services.gateway.settings import GatewaySettings
from shared.identifiers import BadIdentifier, normalize_phone
from shared.ids import new_id

TIMEOUT_SECONDS = 10
CITY = "42.01"


def admin(
    phone: str = typer.Option(..., help="Mobile number with which the administrator signs in."),
    name: str = typer.Option(..., help="Name of the administrator."),
    area: str = typer.Option(CITY, help="Area path that the role covers."),
) -> None:
    """Make somebody an administrator: the only role that nobody grants over the API."""
    settings = GatewaySettings()
    headers = {"Authorization": f"Bearer {service_token(settings)}"}
    with httpx.Client(base_url=settings.registry_url, headers=headers, timeout=TIMEOUT_SECONDS) as registry:
        person = _send(registry, "POST", "/v1/people/ensure", {"phone": _phone(phone), "name": name})
        wanted = {"person_id": person["id"], "role": "administrator", "area": area}
        held = _send(registry, "GET", f"/v1/roles?person_id={person['id']}&role=administrator&state=active")
        if not any(role["area"] == area for role in held["items"]):
            _send(registry, "POST", "/v1/roles", wanted)
    typer.echo(f"administrator in {area}: person {person['id']}; signs in with that phone.")


def sign_in(phone: str = typer.Option(..., help="Mobile number; unknown ones become known.")) -> None:
    """Print an access token (laptop profile only): TOKEN=$(python -m services.gateway sign-in --phone …)."""
    settings = GatewaySettings()
    if settings.common.profile != "laptop":
        raise SystemExit("sign-in works in the laptop profile only; elsewhere the code comes by SMS")
    number = _phone(phone)
    with httpx.Client(base_url=settings.public_url, timeout=TIMEOUT_SECONDS) as gateway:
        sent = _send(gateway, "POST", "/v1/sign-in-codes", {"phone": number})
        wanted = {"sign_in_code_id": sent["id"], "phone": number, "code": sent["code"], "device": "command line"}
        signed_in = _send(gateway, "POST", "/v1/sessions", wanted)
    typer.echo(signed_in["access_token"])


def _phone(text: str) -> str:
    try:
        return normalize_phone(text)
    except BadIdentifier as error:
        raise SystemExit(f"--phone: {str(error).partition('|')[2]}") from error


def _send(client: httpx.Client, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The answer's JSON; ends the command with one clear line when there is none."""
    headers = {"Accept-Language": "en"} | ({"Idempotency-Key": str(new_id())} if method == "POST" else {})
    try:
        answer = client.request(method, path, json=body, headers=headers)
    except httpx.HTTPError as error:
        raise SystemExit(f"{client.base_url} does not answer ({type(error).__name__}); start it first") from error
    if answer.is_error:
        raise SystemExit(f"{path}: {answer.status_code} {answer.json().get('detail', '')}")
    found: dict[str, Any] = answer.json()
    return found
