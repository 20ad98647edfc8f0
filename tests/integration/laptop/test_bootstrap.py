"""The installer says in one line what is wrong and what to do."""

import ast
import errno
import sys
from pathlib import Path

import pytest

from deploy.laptop import bootstrap

pytestmark = pytest.mark.feature("X2")


def _refusal() -> str:
    with pytest.raises(SystemExit) as caught:
        bootstrap.main()
    told = str(caught.value)
    assert "\n" not in told
    return told


def test_an_old_python_can_read_it_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ast.parse(Path(bootstrap.__file__).read_text(), feature_version=(3, 6))
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setenv("PATH", "/nowhere")
    assert "needs Python 3.11 or newer, this is 3.9" in _refusal()


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "the disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "not the one in requirements"),
        ("NewConnectionError: Failed to establish a new connection", "could not be downloaded: check network"),
        ("ERROR: No matching distribution found for uvloop==0.22", "no build for this machine"),
        ("first\nsomething quite new", "something quite new"),
    ],
)
def test_what_pip_prints_becomes_one_line(said: str, meant: str) -> None:
    told = bootstrap.cause(said)
    assert meant in told
    assert bootstrap.LOG in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("trouble", "meant"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (PermissionError(errno.EACCES, "Permission denied"), "not yours to write"),
        (KeyboardInterrupt(), "run the same command again"),
        (bootstrap.Refused("no venv module"), "no venv module"),
    ],
)
def test_trouble_is_one_line(monkeypatch: pytest.MonkeyPatch, trouble: BaseException, meant: str) -> None:
    def refuse() -> None:
        raise trouble

    monkeypatch.setattr(bootstrap, "ready", lambda: False)
    monkeypatch.setattr(bootstrap, "check_machine", refuse)
    assert meant in _refusal()


def test_a_missing_venv_module_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "ready", lambda: False)
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    assert "has no venv module: on Debian or Ubuntu `apt install python3" in _refusal()


def test_the_stamp_is_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, stamp = tmp_path / "lock", tmp_path / "stamp"
    lock.write_text("a==1")
    monkeypatch.setattr(bootstrap, "LOCK", str(lock))
    monkeypatch.setattr(bootstrap, "STAMP", str(stamp))
    monkeypatch.setattr(bootstrap, "python_works", lambda: True)
    assert not bootstrap.ready()
    stamp.write_text(bootstrap.wanted_stamp())
    assert bootstrap.ready()
    lock.write_text("a==2")
    assert not bootstrap.ready()
