"""The launcher with stand-ins for our services: order, watching, faults that are reported, and a clean end."""

import os
import socket
import time
import urllib.request
from pathlib import Path

import pytest

from deploy.laptop.environment import SERVICES
from deploy.laptop.processes import LaunchError
from deploy.laptop.supervisor import Stack

pytestmark = pytest.mark.feature("X2")


def _environment_of(stack: Stack, port_name: str) -> set[str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.env[port_name]}/health/ready", timeout=5) as answer:
        return set(answer.read().decode().split())


@pytest.mark.usefixtures("stand_in")
def test_a_stack_starts_is_watched_and_stops(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "data", durable=False)
    with stack:
        assert set(stack.process_names) == {f"{s}-{role}" for s in SERVICES for role in ("api", "worker")}
        assert stack.failure() is None

        seen = _environment_of(stack, "LINLI_ORDERS_PORT")
        assert "LINLI_ORDERS_INTAKE_URL" in seen
        assert "LINLI_KAFKA_BOOTSTRAP" in seen
        forbidden = {"LINLI_ORDERS_OWNER_URL", "LINLI_POSTGRES_ADMIN_URL", "LINLI_DISPATCH_API_URL"}
        assert not seen & forbidden, "a process is given only what it needs"

        before = stack.pid("orders-worker")
        stack.kill_process("orders-worker")
        assert stack.failure() is None, "killed on purpose"
        stack.start_process("orders-worker")
        stack.restart_process("gateway-api")
        assert stack.pid("orders-worker") != before

    for name in stack.process_names:
        with pytest.raises(ProcessLookupError):
            os.kill(stack.pid(name), 0)
    stack.engines.discard()


def test_a_crash_is_told_with_name_code_last_words_and_log(tmp_path: Path, stand_in: Path) -> None:
    stack = Stack(tmp_path / "data", durable=False, extra_env={"FAKE_CRASH": "dispatch-worker"})
    with pytest.raises(LaunchError) as caught:
        stack.start()
    told = str(caught.value)
    assert "dispatch-worker ended with exit code 7" in told
    assert "the sky is falling" in told
    assert str(tmp_path / "data" / "logs" / "dispatch-worker.log") in told
    assert not stack.engines.postgres.running
    assert not stack.engines.kafka.running

    (stand_in / "shared" / "provision.py").write_text("import sys; sys.exit('no such role')")
    began = time.monotonic()
    with pytest.raises(LaunchError, match=r"provision failed with exit code 1\nno such role"):
        Stack(tmp_path / "data", durable=False).start()
    assert time.monotonic() - began < 60
    stack.engines.discard()


@pytest.mark.usefixtures("stand_in")
def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LaunchError, match=f"port {port} is taken"):
            Stack(tmp_path / "data", gateway_port=port).start()
    assert not (tmp_path / "data" / "postgres" / "data").exists()
