"""The whole system on one machine: engines, one-shot steps, then an API and a worker per service, watched.

A process that goes down by itself is never restarted: `failure` (and `watch`) tell its name, exit code, last lines and
log, and the caller stops the stack.
"""

import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from deploy.laptop import environment, ports
from deploy.laptop.engines import Engines
from deploy.laptop.environment import SERVICES, python
from deploy.laptop.processes import Child, Commands, LaunchError
from deploy.laptop.progress import Silent, Steps

_READY_SECONDS = 60.0
_DRAIN_SECONDS = 20.0
_WATCH_SECONDS = 0.2


class Stack:
    """All processes of one data directory, whose data stays until somebody deletes it.

    `gateway_port=None` takes a free one. `extra_env` is given to every process of the services, for faults and clocks.
    """

    def __init__(
        self,
        data_dir: Path,
        durable: bool = True,
        gateway_port: int | None = None,
        extra_env: Mapping[str, str] | None = None,
        steps: Steps | None = None,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.env: dict[str, str] = {}
        self.engines = Engines(self.data_dir, durable)
        self._gateway_port = gateway_port
        self._extra_env = dict(extra_env or {})
        self._steps = steps or Silent()
        names = [f"{service}-{role}" for service in SERVICES for role in ("api", "worker")]
        self._children = {name: Child(name, self.data_dir / "logs" / f"{name}.log") for name in names}
        self._down_on_purpose: set[str] = set()
        self._commands = Commands()

    @property
    def gateway_url(self) -> str:
        """The only address that clients see."""
        return self.env["LINLI_GATEWAY_PUBLIC_URL"]

    @property
    def sms_outbox(self) -> Path:
        """The file that stands for everybody's telephones."""
        return self.data_dir / "sms.jsonl"

    @property
    def process_names(self) -> tuple[str, ...]:
        return tuple(self._children)

    def start(self) -> Self:
        """Start everything; returns when every process is ready.

        Raises LaunchError when something does not start or the data directory is in use; nothing is left running.
        """
        if self._gateway_port and not ports.is_free(self._gateway_port):
            port = self._gateway_port
            raise LaunchError(f"port {port} is taken: stop what listens there, or choose with LINLI_GATEWAY_PORT=8080")
        self.engines.claim()
        pool = ThreadPoolExecutor(8)
        try:
            with self._steps:
                self._start_all(pool)
        except BaseException:
            self.stop()  # makes the waiting threads fail at once
            pool.shutdown(cancel_futures=True)
            self.stop()  # what a thread started in the meantime
            raise
        pool.shutdown()
        return self

    def stop(self) -> None:
        """Stop the services, then the engines, each in an orderly way. A stopped stack is not started again."""
        self._commands.close()
        with ThreadPoolExecutor(len(self._children)) as pool:
            list(pool.map(lambda child: child.stop(_DRAIN_SECONDS), self._children.values()))
        self.engines.stop()

    def failure(self) -> LaunchError | None:
        """The error of whatever went down by itself, None while all is well."""
        for name, child in self._children.items():
            if not child.running and name not in self._down_on_purpose:
                return child.failure()
        return self.engines.failure()

    def watch(self) -> None:
        """Wait until something goes down by itself, then raise its LaunchError."""
        while (failure := self.failure()) is None:
            time.sleep(_WATCH_SECONDS)
        raise failure

    def pid(self, name: str) -> int:
        """The process id of `orders-api`, `orders-worker`, …"""
        return self._children[name].pid

    def kill_process(self, name: str) -> None:
        """SIGKILL; the process stays down until `start_process` or `restart_process`."""
        self._down_on_purpose.add(name)
        self._children[name].kill()

    def stop_process(self, name: str) -> None:
        """Ask it to drain and stop; it stays down until `start_process` or `restart_process`."""
        self._down_on_purpose.add(name)
        self._children[name].stop(_DRAIN_SECONDS)

    def start_process(self, name: str, extra_env: Mapping[str, str] | None = None) -> None:
        """Start it and wait until it is ready. `extra_env` holds until its next start."""
        service, role = name.rsplit("-", 1)
        env = environment.of_process(self.env, service) | self._extra_env | dict(extra_env or {})
        child = self._children[name]
        child.start(python(f"services.{service}", role), env)
        port = self.env[f"LINLI_{service.upper()}_{'WORKER_' if role == 'worker' else ''}PORT"]
        _wait_until_ready(child, f"http://127.0.0.1:{port}/health/ready")
        self._down_on_purpose.discard(name)

    def restart_process(self, name: str, extra_env: Mapping[str, str] | None = None) -> None:
        """Stop in an orderly way if it runs, start, wait until ready."""
        self.stop_process(name)
        self.start_process(name, extra_env)

    def command(self, *arguments: str, service: str | None = None, owner: bool = False, admin: bool = False) -> str:
        """Run `python -m ARGUMENTS` to its end in a service's environment; returns what it printed.

        `admin` gives the whole environment with the superuser's URL. Raises LaunchError when it fails.
        """
        env = environment.of_process(self.env, service, owner) | (self.env if admin else {})
        return self._commands.run(python(*arguments), env)

    def _start_all(self, pool: ThreadPoolExecutor) -> None:
        self.env = environment.build(
            self.engines.state,
            self.engines.postgres_admin_url,
            self.engines.kafka_bootstrap,
            self.sms_outbox,
            self._gateway_port,
        )
        for one in [pool.submit(self._prepare_databases, pool), pool.submit(self._prepare_topics)]:
            one.result()
        with self._steps.step("Services"):
            list(pool.map(self.start_process, self._children))

    def _prepare_databases(self, pool: ThreadPoolExecutor) -> None:
        with self._steps.step("PostgreSQL"):
            self.engines.start_postgres()
        with self._steps.step("Databases and their tables"):
            self.command("shared.provision", admin=True)
            list(
                pool.map(lambda service: self.command("shared.migrate", service, service=service, owner=True), SERVICES)
            )

    def _prepare_topics(self) -> None:
        with self._steps.step("Kafka") as step:
            self.engines.start_kafka(lambda ready, total: step.say(f"jar {ready} of {total}"))
        with self._steps.step("Topics"):
            self.command("shared.bus.topics")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _wait_until_ready(child: Child, url: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while child.running:
        if _answers(url):
            return
        if time.monotonic() > deadline:
            raise LaunchError(
                f"{child.name} was not ready within {_READY_SECONDS:.0f} s\n{child.tail()}\nlog: {child.log}"
            )
        time.sleep(0.05)
    raise child.failure()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
