"""The house's walls between packages hold, and the check that says so notices a breach."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--config", ".importlinter", "--no-cache"], cwd=root, capture_output=True, text=True, timeout=120
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("house")
    for package in ("services", "shared", "deploy", "demo"):
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", root)
    return root


def test_walls_hold() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("file", "line", "wall"),
    [
        ("services/orders/planted.py", "import services.registry", "Services never import each other"),
        ("shared/planted.py", "import services.orders", "shared imports no service"),
        ("services/dispatch/planted.py", "import deploy.laptop", "Services know nothing of the embedded engines"),
        ("demo/planted.py", "import services.gateway", "The demo is a client"),
        ("services/orders/rounds/domain.py", "import sqlalchemy", "domain.py does no I/O"),
        ("services/registry/agreements/domain.py", "import shared.database", "domain.py does no I/O"),
    ],
)
def test_a_breach_is_noticed(copy: Path, file: str, line: str, wall: str) -> None:
    planted = copy / file
    before = planted.read_text() if planted.exists() else None
    try:
        planted.write_text((before or "") + f"\n{line}\n")
        result = lint(copy)
    finally:
        if before is None:
            planted.unlink()
        else:
            planted.write_text(before)
    assert result.returncode != 0
    broken = [row for row in result.stdout.splitlines() if row.endswith("BROKEN") and row.startswith(wall)]
    assert broken, result.stdout
