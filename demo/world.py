"""Everybody who takes part in the day, and how they sign in."""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from demo.client import Api, Caller, Json, Refused, Tokens
from demo.ledger import Ledger
from demo.report import Report
from demo.seed import COMMUNITIES, SEED, STREET_AREA, Home

T = TypeVar("T")
R = TypeVar("R")
SCALES = {"normal": 3_000, "full": 52_000}
ORDERS = 2_000
TOGETHER = 24
"""How many clients act at the same time."""


def community(number: int) -> str:
    """The area path of one of the seven communities, 1–7."""
    return f"{STREET_AREA}.{number:03d}"


@dataclass
class World:
    """The day's people and things, filled step by step. Callers are keyed by community number or home line."""

    api: Api
    report: Report
    env: Mapping[str, str]
    folder: Path
    households: int
    ledger: Ledger = field(default_factory=Ledger)
    homes: list[Home] = field(default_factory=list)
    rng: random.Random = field(default_factory=lambda: random.Random(SEED))
    admin: Caller = field(init=False)
    official: Caller = field(init=False)
    store_manager: Caller = field(init=False)
    workers: dict[int, Caller] = field(default_factory=dict)
    secretaries: dict[int, Caller] = field(default_factory=dict)
    heads: dict[str, Caller] = field(default_factory=dict)
    residents: dict[int, Caller] = field(default_factory=dict)
    household_ids: dict[int, str] = field(default_factory=dict)
    store_id: str = ""
    purchase_id: str = ""
    items: dict[str, Json] = field(default_factory=dict)
    rounds: dict[int, Json] = field(default_factory=dict)
    orders: list[Json] = field(default_factory=list)
    buyers: list[Home] = field(default_factory=list)
    owed: dict[str, Json] = field(default_factory=dict)
    late: list[Home] = field(default_factory=list)
    cut_off_at: datetime = field(init=False)
    partners: dict[str, "Partner"] = field(default_factory=dict)

    async def sign_in(self, phone: str, device: str = "demo") -> Caller:
        """Signs somebody in by a phone code, as an app does; in the laptop profile the answer shows the code.

        A code counts once: when the answer to it was lost, a person asks for another one.
        """
        anyone = self.api.as_(None)
        while True:
            sent = await anyone.post("/v1/sign-in-codes", {"phone": phone})
            wanted = {"sign_in_code_id": sent["id"], "phone": phone, "code": sent["code"], "device": device}
            try:
                signed = await anyone.post("/v1/sessions", wanted)
                break
            except Refused as refusal:
                if refusal.code != "validation_failed" or anyone.unanswered == 0:
                    raise
            anyone.unanswered = 0
        caller = self.api.as_(Tokens(signed["access_token"], signed["refresh_token"]))
        caller.person_id = signed["session"]["person_id"]
        return caller

    async def give_role(
        self, by: Caller, to: Caller, role: str, area: str | None, organization: str | None = None
    ) -> None:
        """Registers a role; it counts from the holder's next token on."""
        body = {"person_id": to.person_id, "role": role, "area": area, "organization_id": organization}
        await by.post("/v1/roles", {name: value for name, value in body.items() if value is not None})

    async def wait_for_role(self, caller: Caller, role: str) -> None:
        """Refreshes the token until it carries the role: its event takes a moment from registry to the gateway."""

        async def has_role() -> bool:
            await caller.refresh()
            return any(one["role"] == role for one in (await caller.get("/v1/me"))["roles"])

        await eventually(has_role, f"role {role}")

    def run(self, *words: str) -> str:
        """Runs one of the services' commands, as an operator would."""
        done = subprocess.run(
            [sys.executable, "-m", *words], env=dict(self.env), capture_output=True, text=True, timeout=300
        )
        if done.returncode:
            raise RuntimeError(f"python -m {' '.join(words)} failed: {done.stderr.strip()[-2000:]}")
        return done.stdout


@dataclass
class Partner:
    """Somebody else's system: its process, configuration file and ledger."""

    name: str
    folder: Path
    port: int
    config: dict[str, Any]
    endpoint_id: str = ""
    process: subprocess.Popen[bytes] | None = None

    @property
    def ledger(self) -> Path:
        return self.folder / f"{self.name}.jsonl"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    def configure(self, **more: Any) -> None:
        """Writes its configuration; a running partner reads it again with every delivery."""
        self.config |= more
        path = self.folder / f"{self.name}.json"
        path.write_text(json.dumps({"port": self.port, "ledger": str(self.ledger)} | self.config))
        path.chmod(0o600)

    async def start(self) -> None:
        """Starts the process and waits until it listens."""
        self._launch()
        await eventually(self._listens, f"{self.name} to listen")

    def _launch(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "demo.partner", str(self.folder / f"{self.name}.json")])

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=10)
            self.process = None


async def eventually(holds: Callable[[], Awaitable[bool]], what: str, seconds: float = 60) -> None:
    """Polls until it holds; raises TimeoutError that says what did not come."""
    pause = 0.05
    deadline = asyncio.get_running_loop().time() + seconds
    while not await holds():
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        await asyncio.sleep(pause)
        pause = min(1.0, pause * 1.5)


async def together(act: Callable[[T], Awaitable[R]], things: Iterable[T], width: int = TOGETHER) -> list[R]:
    """``act`` on each of the things, ``width`` at a time; results in order."""
    gate = asyncio.Semaphore(width)

    async def one(thing: T) -> R:
        async with gate:
            return await act(thing)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(thing)) for thing in things]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None  # one is enough to say what went wrong
    return [task.result() for task in tasks]


def numbers() -> range:
    """The seven communities."""
    return range(1, COMMUNITIES + 1)


def wanted_households() -> int:
    scale = os.environ.get("SCALE") or "normal"
    if scale not in SCALES:
        raise SystemExit(f"SCALE={scale} is not known; choose {' or '.join(SCALES)}")
    return SCALES[scale]
