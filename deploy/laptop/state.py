"""What a stack must find again after a restart: generated secrets and chosen ports, in a file for its owner alone."""

import json
import os
import secrets
import threading
from collections.abc import Callable
from pathlib import Path


class State:
    """A small JSON file of strings, mode 600, written whole and atomically."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()

    def remember(self, name: str, make: Callable[[], str]) -> str:
        """The value under this name; made and saved when there is none yet."""
        with self._lock:
            values = self._read()
            if name not in values:
                values[name] = make()
                self._write(values)
            return values[name]

    def put(self, name: str, value: str) -> None:
        """Save a value, replacing an earlier one."""
        with self._lock:
            self._write(self._read() | {name: value})

    def get(self, name: str) -> str | None:
        """The value under this name, None when there is none."""
        with self._lock:
            return self._read().get(name)

    def password(self, name: str) -> str:
        """A remembered random password that needs no quoting in a URL."""
        return self.remember(name, lambda: secrets.token_urlsafe(24))

    def _read(self) -> dict[str, str]:
        if not self.path.exists():
            return {}
        values: dict[str, str] = json.loads(self.path.read_text())
        return values

    def _write(self, values: dict[str, str]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".draft")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(values, file, indent=2)
        draft.replace(self.path)
