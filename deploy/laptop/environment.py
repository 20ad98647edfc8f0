"""The whole environment of a laptop stack: generated secrets, free ports and the URLs that follow from them.

`LINLI_*` names are those of `docs/architecture.md`. Each process is given only the part that it needs, as in the
compose deployment, so that a name missing there is missed here too.
"""

import base64
import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from deploy.laptop import ports
from deploy.laptop.state import State

SERVICES = ("registry", "orders", "dispatch", "gateway")
ROOT = Path(__file__).parents[2]
_COMMON = ("PROFILE", "HOST", "KAFKA_BOOTSTRAP", "JWKS_URL", "LOG_LEVEL")
# A whole street signs in from one address, and a worker hands over thousands of bags in minutes.
_WIDE_LIMITS = {
    "GATEWAY_CODES_PER_PHONE": "1000",
    "GATEWAY_CODES_PER_PHONE_AND_DAY": "10000",
    "GATEWAY_CODES_PER_ADDRESS": "1000000",
    "GATEWAY_REQUESTS_PER_MINUTE": "1000000",
    "GATEWAY_ANONYMOUS_REQUESTS_PER_MINUTE": "1000000",
    # A receiver on a laptop is away for minutes, not for a weekend.
    "GATEWAY_WEBHOOK_SCHEDULE": "1,2,3,5,5,10,10,15,20,30,60,120,300",
}
# Everything else that a process may find useful of the user's own environment; nothing that names other engines.
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "TZ", "LD_PRELOAD", "FAKETIME", "LINLI_LOG_LEVEL")


def build(state: State, admin_url: str, bootstrap: str, sms_outbox: Path, gateway_port: int | None) -> dict[str, str]:
    """Every LINLI_* name of all four services. Secrets are remembered in `state`, ports are chosen now.

    `gateway_port=None` takes any free port for the gateway too.
    """
    chosen = _ports(gateway_port)
    gateway = f"http://127.0.0.1:{chosen['GATEWAY_PORT']}"
    env = {
        "PROFILE": "laptop",
        "HOST": "127.0.0.1",
        "KAFKA_BOOTSTRAP": bootstrap,
        "JWKS_URL": f"{gateway}/v1/.well-known/jwks.json",
        "POSTGRES_ADMIN_URL": admin_url,
        "GATEWAY_SIGNING_KEY": state.remember("signing_key", _key),
        "GATEWAY_SMS_OUTBOX": str(sms_outbox),
        "GATEWAY_PUBLIC_URL": gateway,
        **_WIDE_LIMITS,
    }
    for name, port in chosen.items():
        env[name] = str(port)
    for service in SERVICES:
        env |= _service(service, state, admin_url)
        if service != "gateway":
            env[f"GATEWAY_{service.upper()}_URL"] = f"http://127.0.0.1:{chosen[f'{service.upper()}_PORT']}"
    return {f"LINLI_{name}": value for name, value in env.items()}


def of_process(env: Mapping[str, str], service: str | None = None, owner: bool = False) -> dict[str, str]:
    """The part for one process: common names, one service's own, its owner URL only for migrations."""
    part = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    part |= {name: value for name, value in env.items() if name.removeprefix("LINLI_") in _COMMON}
    part |= {name: value for name, value in env.items() if not name.startswith("LINLI_")}
    if service is not None:
        prefix = f"LINLI_{service.upper()}_"
        part |= {name: value for name, value in env.items() if name.startswith(prefix)}
        if not owner:
            part.pop(f"{prefix}OWNER_URL", None)
    return part | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def python(*arguments: str) -> list[str]:
    """The command that runs a Python module with this interpreter."""
    return [sys.executable, "-m", *arguments]


def _ports(gateway_port: int | None) -> dict[str, int]:
    names = [f"{service.upper()}_{kind}" for service in SERVICES for kind in ("PORT", "WORKER_PORT")]
    taken: set[int] = {gateway_port} if gateway_port else set()
    chosen = {}
    for name in names:
        while (port := ports.free_port()) in taken:
            pass
        taken.add(port)
        chosen[name] = port
    if gateway_port:
        chosen["GATEWAY_PORT"] = gateway_port
    return chosen


def _service(service: str, state: State, admin_url: str) -> dict[str, str]:
    upper = service.upper()
    roles = ["owner", "api", "worker", *(["intake"] if service == "orders" else [])]
    urls = {f"{upper}_{role.upper()}_URL": _url(admin_url, f"{service}_{role}", state, service) for role in roles}
    keys = _url(admin_url, f"{service}_keys", state, f"{service}_keys")
    return urls | {
        f"{upper}_KEYS_URL": keys,
        f"{upper}_MASTER_KEYS": state.remember(f"{service}_master_keys", lambda: f"1:{_key()}"),
    }


def _url(admin_url: str, role: str, state: State, database: str) -> str:
    host = urlsplit(admin_url).netloc.rpartition("@")[2]
    return f"postgresql://{role}:{state.password(role)}@{host}/linli_{database}"


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
