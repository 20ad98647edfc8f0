"""`make env`: writes deploy/.env, which Docker Compose reads, with a fresh random secret for every empty name.

Run by the system's own Python. An existing file is never touched: its secrets are already in the databases.
"""

import base64
import os
import secrets
import sys
from pathlib import Path

HERE = Path(__file__).parent


def filled(example: str) -> str:
    """The example with a secret after every `NAME=` that has none."""
    lines = (
        line + _secret(line[:-1]) if line.endswith("=") and line[0] != "#" else line for line in example.splitlines()
    )
    return "\n".join(lines) + "\n"


def _secret(name: str) -> str:
    if name.endswith("_PASSWORD"):
        return secrets.token_urlsafe(24)
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return f"1:{key}" if name.endswith("_MASTER_KEYS") else key


def main() -> None:
    """Write the file, readable for its owner alone."""
    target = HERE / ".env"
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        sys.exit(f"{target} is there already and stays as it is: its secrets are in the databases")
    with os.fdopen(descriptor, "w") as file:
        file.write(filled((HERE / ".env.example").read_text()))
    print(f"{target} written: keep a copy of the master keys apart from the backups of the databases")


if __name__ == "__main__":
    main()
