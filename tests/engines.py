"""One PostgreSQL and one Kafka for a whole pytest run, shared by all its pytest-xdist workers.

The first test that needs them starts a host process (this module as a program), which holds the engines. The run's
controlling process holds a lock for as long as it lives; the host waits for that lock and stops when it gets it, so
nothing is left behind however the run ends. LINLI_TEST_POSTGRES_ADMIN_URL and LINLI_TEST_KAFKA_BOOTSTRAP name engines
that run already (`make engines`) and are used instead.

A test that kills or wipes an engine starts its own `deploy.laptop.engines.Engines`.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.laptop.engines import Engines
from deploy.laptop.locks import Claim, exclusive
from deploy.laptop.processes import LaunchError

RUN_DIR = "LINLI_TEST_RUN_DIR"
_ROOT = Path(__file__).parents[1]
_START_SECONDS = 180.0  # the first start on a machine downloads Kafka


@dataclass(frozen=True)
class SharedEngines:
    """Where the run's engines answer."""

    postgres_admin_url: str
    kafka_bootstrap: str


class Run:
    """The controlling process's hold on the engines of one pytest run."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="linli-tests-"))
        self.folder.chmod(0o711)  # PostgreSQL may run as another user
        self._claim = Claim(self.folder / "controller.lock")
        assert self._claim.take()
        os.environ[RUN_DIR] = str(self.folder)

    def close(self) -> None:
        """Let the host stop, wait for it, remove everything."""
        self._claim.release()
        with exclusive(self.folder / "host.lock"):
            shutil.rmtree(self.folder)


def shared_engines() -> SharedEngines:
    """The run's engines, started now if no test needed them before. Raises LaunchError when they do not start."""
    postgres = os.environ.get("LINLI_TEST_POSTGRES_ADMIN_URL")
    kafka = os.environ.get("LINLI_TEST_KAFKA_BOOTSTRAP")
    if postgres and kafka:
        return SharedEngines(postgres, kafka)
    folder = Path(os.environ[RUN_DIR])
    with exclusive(folder / "start.lock"):
        if not (folder / "engines.json").exists():
            _spawn_host(folder)
        return _wait_for_host(folder)


def _spawn_host(folder: Path) -> None:
    # Not subprocess: the host outlives the pytest worker that started it. A group of its own spares it the Ctrl-C.
    log = os.open(folder / "host.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    actions = [(os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
    command = [sys.executable, "-m", "tests.engines", str(folder)]
    environment = os.environ | {"PYTHONPATH": str(_ROOT)}
    os.posix_spawn(sys.executable, command, environment, file_actions=actions, setpgroup=0)
    os.close(log)


def _wait_for_host(folder: Path) -> SharedEngines:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if (folder / "engines.json").exists():
            return SharedEngines(**json.loads((folder / "engines.json").read_text()))
        if (folder / "failure").exists():
            break
        time.sleep(0.05)
    raise LaunchError(f"the engines of the test run did not start:\n{(folder / 'host.log').read_text()}")


def host(folder: Path) -> None:
    """Hold the engines until the controlling process is gone."""
    with exclusive(folder / "host.lock"):
        engines = Engines(folder / "engines", durable=False)
        try:
            engines.start()
            shared = SharedEngines(engines.postgres_admin_url, engines.kafka_bootstrap)
            _publish(folder / "engines.json", json.dumps(asdict(shared)))
            with exclusive(folder / "controller.lock"):
                pass
        except LaunchError as error:
            print(error, flush=True)
            _publish(folder / "failure", "")
        finally:
            engines.discard()


def _publish(path: Path, text: str) -> None:
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)


if __name__ == "__main__":
    host(Path(sys.argv[1]))
