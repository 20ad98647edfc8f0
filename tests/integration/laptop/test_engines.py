"""Real engines: what survives what, and that nothing is left behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.laptop import unprivileged
from deploy.laptop.engines import Engines
from deploy.laptop.environment import ROOT
from deploy.laptop.processes import LaunchError

pytestmark = pytest.mark.feature("X2")

_PARENT = """
import sys, time
from pathlib import Path
from deploy.laptop.engines import Engines
engines = Engines(Path(sys.argv[1]), durable=True).start()
print(engines.postgres.pid, engines.kafka.pid, flush=True)
time.sleep(600)
"""


async def _cluster(engines: Engines, new_topic: str = "") -> tuple[str, set[str]]:
    admin = AIOKafkaAdminClient(bootstrap_servers=engines.kafka_bootstrap)
    await admin.start()
    try:
        if new_topic:
            await admin.create_topics([NewTopic(new_topic, 1, 1)])
        return (await admin.describe_cluster())["cluster_id"], set(await admin.list_topics())
    finally:
        await admin.close()


async def _value(engines: Engines, sql: str) -> object:
    connection = await asyncpg.connect(engines.postgres_admin_url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_engines_survive_kills_and_a_wiped_broker_is_another_cluster(tmp_path: Path) -> None:
    with Engines(tmp_path / "data", durable=True) as engines:
        assert await _value(engines, "SHOW fsync") == "on"
        assert str(await _value(engines, "SHOW server_version")).startswith("18")
        await _value(engines, "CREATE TABLE kept AS SELECT 7 AS n")
        cluster, _ = await _cluster(engines, "orders")
        addresses = engines.postgres_admin_url, engines.kafka_bootstrap

        for engine in (engines.postgres, engines.kafka):
            engine.kill()
        failure = engines.failure()
        assert "exit code -9" in str(failure)
        for engine in (engines.postgres, engines.kafka):
            engine.start()
        assert await _value(engines, "SELECT n FROM kept") == 7
        assert await _cluster(engines) == (cluster, {"orders"})

        engines.kafka.kill()
        engines.kafka.wipe()
        engines.kafka.start()
        other, topics = await _cluster(engines)
        assert other != cluster
        assert topics == set()
        assert addresses == (engines.postgres_admin_url, engines.kafka_bootstrap)

        with pytest.raises(LaunchError, match="in use by another"):
            Engines(tmp_path / "data").start()
    engines.discard()


async def test_passwords_are_asked_for_and_kept_to_the_owner(tmp_path: Path) -> None:
    with Engines(tmp_path / "data", durable=False) as engines:
        wrong = engines.postgres_admin_url.replace("postgres:", "postgres:not-", 1)
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(wrong)
        assert (tmp_path / "data" / "state.json").stat().st_mode & 0o077 == 0
    engines.discard()


def test_nothing_outlives_a_killed_parent(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _PARENT, str(tmp_path / "data")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        parent.kill()
    deadline = time.monotonic() + 20
    while any(_runs(pid) for pid in pids):
        assert time.monotonic() < deadline, f"still there: {[pid for pid in pids if _runs(pid)]}"
        time.sleep(0.05)
    Engines(tmp_path / "data").discard()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return not status.startswith("Z")  # ended; whether anybody collects it is not ours to say


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_a_closed_folder_keeps_its_permissions(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    account = unprivileged.unprivileged_account()
    assert account is not None
    assert account.uid != 0
    twin = unprivileged.home_for(closed / "data", account)
    assert twin.parent == unprivileged.ROOT_HOME
    assert closed.stat().st_mode & 0o777 == 0o700


def test_an_external_engine_is_used_and_never_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINLI_POSTGRES_ADMIN_URL", "postgresql://postgres:x@db:5432/postgres")
    monkeypatch.setenv("LINLI_KAFKA_BOOTSTRAP", "bus:9092")
    with Engines(tmp_path / "data") as engines:
        assert engines.postgres_admin_url.endswith("@db:5432/postgres")
        assert engines.kafka_bootstrap == "bus:9092"
        assert engines.failure() is None
        with pytest.raises(LaunchError, match="external"):
            engines.kafka.kill()
