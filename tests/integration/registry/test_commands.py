"""The operator's commands, as processes (R1, R3)."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.engines import SharedEngines
from tests.integration.service import provisioned


@pytest.fixture(scope="module")
def empty(engines: SharedEngines) -> Iterator[None]:
    with provisioned("registry", engines):
        yield


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.registry", *arguments],
        capture_output=True,
        text=True,
        env=os.environ,
        timeout=120,
    )


@pytest.mark.feature("R1", "R3")
def test_the_first_places_and_the_first_administrator(empty: None) -> None:
    assert run("import-divisions").stdout == "places: 3702 new, 0 renamed, 0 unchanged\n"
    assert run("import-divisions").stdout == "places: 0 new, 0 renamed, 3702 unchanged\n"
    wanted = ("grant-role", "--phone", "13800138000", "--role", "administrator", "--area", "42.01")
    first = run(*wanted)
    assert first.stdout.startswith("person "), first.stderr
    assert run(*wanted).stdout == first.stdout


@pytest.mark.parametrize(
    "wrong", [("--phone", "123"), ("--role", "emperor"), ("--area", "42.99"), ("--area", "nowhere")]
)
def test_a_wrong_argument_is_one_clear_line(empty: None, wrong: tuple[str, str]) -> None:
    arguments = {"--phone": "13800138001", "--role": "administrator", "--area": "42.01"} | {wrong[0]: wrong[1]}
    done = run("grant-role", *(part for pair in arguments.items() for part in pair))
    assert done.returncode == 1
    assert done.stderr.startswith("refused: ")
    assert done.stderr.count("\n") == 1
