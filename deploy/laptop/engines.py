"""PostgreSQL and Kafka together: `with Engines(folder, durable=False) as engines: ...`.

Either engine may be somebody else's: LINLI_POSTGRES_ADMIN_URL and LINLI_KAFKA_BOOTSTRAP name running ones, which are
then used and never stopped.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from deploy.laptop.kafka import Kafka
from deploy.laptop.kafka_jars import Progress
from deploy.laptop.locks import Claim
from deploy.laptop.postgres import Postgres
from deploy.laptop.processes import LaunchError
from deploy.laptop.state import State


class Engines:
    """The two engines of one data directory. Everything started here ends with this process, however it ends.

    `durable=False` is for data that is thrown away: PostgreSQL does not wait for the disk.
    """

    def __init__(self, data_dir: Path, durable: bool = True) -> None:
        self.data_dir = data_dir.resolve()
        self.state = State(self.data_dir / "state.json")
        self._claim = Claim(self.data_dir / ".lock")
        self._external_postgres = os.environ.get("LINLI_POSTGRES_ADMIN_URL")
        self._external_kafka = os.environ.get("LINLI_KAFKA_BOOTSTRAP")
        logs = self.data_dir / "logs"
        self._postgres = Postgres(self.data_dir / "postgres", logs / "postgres.log", self.state, durable)
        self._kafka = Kafka(self.data_dir / "kafka", logs / "kafka.log", self.state)

    @property
    def postgres(self) -> Postgres:
        """Our own PostgreSQL. Raises LaunchError when an external one is used."""
        if self._external_postgres:
            raise LaunchError("PostgreSQL is external (LINLI_POSTGRES_ADMIN_URL)")
        return self._postgres

    @property
    def kafka(self) -> Kafka:
        """Our own broker. Raises LaunchError when an external one is used."""
        if self._external_kafka:
            raise LaunchError("Kafka is external (LINLI_KAFKA_BOOTSTRAP)")
        return self._kafka

    @property
    def postgres_admin_url(self) -> str:
        """The superuser's URL: postgresql://user:password@host:port/database."""
        return self._external_postgres or self._postgres.admin_url

    @property
    def kafka_bootstrap(self) -> str:
        """host:port of the broker."""
        return self._external_kafka or self._kafka.bootstrap

    def claim(self) -> None:
        """Take the data directory for this process and settle the ports; from here on both addresses are fixed.

        Raises LaunchError when another process has the directory.
        """
        if not self._claim.take():
            raise LaunchError(f"{self.data_dir} is in use by another running stack: stop that one first")
        self._postgres.settle_port()
        self._kafka.settle_port()

    def start(self) -> Self:
        """Claim, then start both side by side; returns when both answer.

        Raises LaunchError when one does not start; the other is stopped then.
        """
        self.claim()
        try:
            with ThreadPoolExecutor(2) as pool:
                for one in [pool.submit(self.start_postgres), pool.submit(self.start_kafka)]:
                    one.result()
        except BaseException:
            self.stop()
            raise
        return self

    def start_postgres(self) -> None:
        """Start PostgreSQL alone, unless it is external; for a launcher that has claimed already."""
        if not self._external_postgres:
            self._postgres.start()

    def start_kafka(self, progress: Progress = lambda ready, total: None) -> None:
        """Start Kafka alone, unless it is external. `progress` tells of its jars."""
        if not self._external_kafka:
            self._kafka.start(progress=progress)

    def failure(self) -> LaunchError | None:
        """The error of an engine of ours that ended by itself, None while both run."""
        ours: list[Postgres | Kafka] = [] if self._external_postgres else [self._postgres]
        if not self._external_kafka:
            ours.append(self._kafka)
        return next((engine.failure() for engine in ours if not engine.running), None)

    def stop(self) -> None:
        """Stop both in an orderly way; the data stays."""
        with ThreadPoolExecutor(2) as pool:
            for one in [pool.submit(self._postgres.stop), pool.submit(self._kafka.stop)]:
                one.result()
        self._claim.release()

    def discard(self) -> None:
        """Kill what runs and delete all data of ours, also what lies outside the data directory."""
        for engine in (self._postgres, self._kafka):
            engine.kill()
            engine.wipe()
        self._claim.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
