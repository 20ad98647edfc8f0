"""Child processes that write to a log file, stop when asked and never outlive their parent.

Every child leads a process group of its own, so that a Ctrl-C in the terminal reaches the launcher alone, which then
stops things in their order. What the launcher cannot stop because it was killed, `guardian.py` stops.
"""

import atexit
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO


class LaunchError(Exception):
    """Something could not be started or went down; the message tells the user what happened and what to do."""


@dataclass(frozen=True)
class Account:
    """The user and group that a process runs as."""

    uid: int
    gid: int


class _Guardian:
    """The parent's end of the pipe to `guardian.py`; one per process that has children."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        script = Path(__file__).with_name("guardian.py")
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", str(script)], stdin=subprocess.PIPE, cwd="/", start_new_session=True
        )
        atexit.register(self._close)

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def _close(self) -> None:
        if os.getpid() != self.owner:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


_lock = threading.Lock()
_guardian: _Guardian | None = None


def _tell_guardian(line: str) -> None:
    global _guardian
    with _lock:
        if _guardian is None or _guardian.owner != os.getpid():
            _guardian = _Guardian()
        _guardian.tell(line)


class Child:
    """One process that may be started, stopped, killed and started again; its output is appended to `log`."""

    def __init__(self, name: str, log: Path, stop_signal: signal.Signals = signal.SIGTERM) -> None:
        self.name = name
        self.log = log
        self.stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def start(
        self, command: Sequence[str], env: Mapping[str, str], account: Account | None = None, cwd: Path | None = None
    ) -> None:
        """Start the command with exactly this environment. Raises LaunchError when it cannot be executed."""
        assert not self.running, f"{self.name} runs already"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            try:
                self._process = _spawn(command, env, account, cwd or Path("/"), log)
            except OSError as error:
                raise LaunchError(f"{self.name} cannot be started: {command[0]}: {error.strerror}") from error
        _tell_guardian(f"add {self._process.pid} {int(self.stop_signal)}")

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id, also of a process that ended. Raises LaunchError before the first start."""
        if self._process is None:
            raise LaunchError(f"{self.name} was never started")
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, negative for the signal that ended it; None while it runs or before the first start."""
        return None if self._process is None else self._process.poll()

    def stop(self, grace_seconds: float = 20.0, with_signal: signal.Signals | None = None) -> None:
        """Ask it to stop and wait; kill it after the grace period. Nothing happens when it does not run."""
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(with_signal or self.stop_signal)
            try:
                self._process.wait(grace_seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        self._forget()

    def kill(self) -> None:
        """SIGKILL to the whole group, as a crash of the machine would; waits until it is gone."""
        if self._process is None:
            return
        if self.running:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._forget()

    def output(self) -> str:
        """What the process printed since its last start."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def tail(self, lines: int = 15) -> str:
        """The last lines printed since the last start."""
        return "\n".join(self.output().splitlines()[-lines:])

    def failure(self) -> LaunchError:
        """The error that tells name, exit code, last lines and where the log is."""
        return LaunchError(f"{self.name} ended with exit code {self.exit_code}\n{self.tail()}\nlog: {self.log}")

    def _forget(self) -> None:
        assert self._process is not None
        _tell_guardian(f"done {self._process.pid}")


class Commands:
    """Commands that run to their end; those under way can be ended together."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._closed = False

    def run(self, command: Sequence[str], env: Mapping[str, str]) -> str:
        """What the command printed on standard output. Raises LaunchError with all it said when it fails."""
        if self._closed:
            raise LaunchError("the launcher is stopping")
        process = subprocess.Popen(  # noqa: S603
            list(command),
            env=dict(env),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._running.add(process)
        _tell_guardian(f"add {process.pid} {int(signal.SIGTERM)}")
        out, errors = process.communicate()
        _tell_guardian(f"done {process.pid}")
        self._running.discard(process)
        if process.returncode != 0:
            said = (out + errors).strip()
            raise LaunchError(f"{' '.join(command)} failed with exit code {process.returncode}\n{said}")
        return out

    def close(self) -> None:
        """End what is under way; from now on nothing can be run."""
        self._closed = True
        for process in list(self._running):
            process.kill()


def _spawn(
    command: Sequence[str], env: Mapping[str, str], account: Account | None, cwd: Path, log: IO[bytes]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603
        list(command),
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
