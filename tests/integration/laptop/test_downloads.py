"""Kafka's jars: only the locked bytes are used."""

import hashlib
from pathlib import Path

import pytest

from deploy.laptop import kafka_jars
from deploy.laptop.kafka_jars import Jar
from deploy.laptop.processes import LaunchError

pytestmark = pytest.mark.feature("X2")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """What the stand-in for the Maven repository holds; every fetch is counted under `fetches`."""
    served = {"org.x:a:1": b"first", "org.x:b:2": b"second"}

    def fetch(jar: Jar, context: object) -> Path:
        path = tmp_path / f"download-{jar.file_name}"
        path.write_bytes(served[jar.coordinate])
        served["fetches"] = served.get("fetches", b"") + b"."
        return path

    lock = tmp_path / "jars.lock"
    lock.write_text("".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in served.items()))
    monkeypatch.setenv("LINLI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(kafka_jars, "LOCK", lock)
    monkeypatch.setattr(kafka_jars, "_fetch", fetch)
    return served


def test_jars_are_fetched_once_and_again_when_damaged(repository: dict[str, bytes]) -> None:
    told: list[tuple[int, int]] = []
    paths = kafka_jars.ready_jars(lambda ready, total: told.append((ready, total)))
    assert [path.read_bytes() for path in paths] == [b"first", b"second"]
    assert told == [(1, 2), (2, 2)]
    assert kafka_jars.ready_jars() == paths
    assert repository["fetches"] == b".."
    paths[0].write_bytes(b"cut of")
    assert kafka_jars.ready_jars()[0].read_bytes() == b"first"
    assert repository["fetches"] == b"..."


def test_another_jar_than_the_locked_one_is_refused(repository: dict[str, bytes], tmp_path: Path) -> None:
    repository["org.x:b:2"] = b"something else"
    with pytest.raises(LaunchError, match=r"b-2.jar has sha256 .* not used"):
        kafka_jars.ready_jars()
    assert not list((tmp_path / "cache").rglob("b-2.jar"))


def test_the_lock_names_kafka_itself() -> None:
    names = {jar.coordinate.split(":")[1]: jar.coordinate.split(":")[2] for jar in kafka_jars.locked_jars()}
    assert names["kafka_2.13"] == "4.3.1"
    assert names["kafka-clients"] == "4.3.1"
    assert all(len(jar.sha256) == 64 for jar in kafka_jars.locked_jars())
