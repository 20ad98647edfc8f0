"""``python -m tests.contracts.clients --check``: our documents, read by the tools that others will read them with.

From the merged OpenAPI document, built in this process, the TypeScript and the Python client are generated as
docs/clients.md says and both example programs are held against them; docs/asyncapi.yaml goes through AsyncAPI's own
parser. ``python -m tests.contracts.clients FOLDER`` leaves the clients in FOLDER. Status 1 and what the tools said when
one of them is not content. Needs Node.js ≥ 20.19 with npm, which nothing else here does.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.contracts.merged import merged

ROOT = Path(__file__).parents[2]
NODE = Path(__file__).parent / "node"
OLDEST_NODE = (20, 19)
SECONDS = 300
"""For one tool; the slowest takes a quarter of a minute on an idle machine."""
IMPORT_ALL = (
    "import importlib, pkgutil, linli_client as it;"
    "found = [one.name for one in pkgutil.walk_packages(it.__path__, 'linli_client.')];"
    "[importlib.import_module(name) for name in found]; print(len(found), 'modules')"
)


class Unfit(Exception):
    """A tool that is missing or not content; the text says what to do or what it said."""


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """What the command printed. Raises Unfit with all of it when it fails."""
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            env=os.environ | {"PATH": beside, "NO_COLOR": "1", "PYTHONWARNINGS": "error"},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired as late:
        raise Unfit(f"{command[0]} did not end within {SECONDS} s") from late
    if done.returncode:
        raise Unfit(done.stdout.strip())
    return done.stdout.strip()


def generate_python(document: Path, folder: Path) -> None:
    """The Python client in ``folder``, beside it the example that uses it. Raises Unfit."""
    config = ROOT / "docs" / "clients" / "openapi-python-client.yaml"
    given = ("--path", document, "--config", config, "--meta", "none", "--output-path", folder / "linli_client")
    run(sys.executable, "-m", "openapi_python_client", "generate", *given, "--overwrite", "--fail-on-warning")
    shutil.copy(ROOT / "docs" / "examples" / "place_order.py", folder)


def python(document: Path, folder: Path) -> str:
    """Generates the Python client, imports all of it and checks the types of the example."""
    generate_python(document, folder)
    strictly = ("--strict", "--config-file=", "--no-incremental", "--follow-imports=silent")
    run(sys.executable, "-m", "mypy", *strictly, "place_order.py", cwd=folder)
    return run(sys.executable, "-c", IMPORT_ALL, cwd=folder)


def install_node_packages() -> str:
    """``npm ci``, unless what the lock names is installed; the version of Node. Raises Unfit."""
    try:
        version = tuple(map(int, re.findall(r"\d+", run("node", "--version"))[:2]))
        run("npm", "--version")
    except FileNotFoundError:
        version = (0, 0)
    if version < OLDEST_NODE:
        raise Unfit("install Node.js 20.19 or newer with npm: `make check` reads our documents with packages of npm")
    installed, lock = NODE / "node_modules" / ".package-lock.json", NODE / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        run("npm", "ci", cwd=NODE)
    return ".".join(map(str, version))


def typescript(document: Path, folder: Path) -> str:
    """Generates the TypeScript client and checks its types and those of the example."""
    return run("node", NODE / "typescript.js", document, folder).splitlines()[-1]


def asyncapi(_: Path, __: Path) -> str:
    return run("node", NODE / "asyncapi.js", ROOT / "docs" / "asyncapi.yaml")


def check(folder: Path) -> bool:
    """Whether every tool is content; says of each what it made or what it said."""
    document = folder / "openapi.json"
    document.write_text(json.dumps(merged(), ensure_ascii=False), "utf-8")

    def content(name: str, tool: Callable[[], str]) -> bool:
        try:
            print(f"{name}: {tool()}", flush=True)
        except Unfit as unfit:
            print(f"{name}: {unfit}", flush=True)
            return False
        return True

    results = [content("python", lambda: python(document, folder))]
    if content("node", install_node_packages):
        results += [content(tool.__name__, partial(tool, document, folder)) for tool in (typescript, asyncapi)]
    else:
        results.append(False)
    return all(results)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.contracts.clients", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="where the clients stay")
    parser.add_argument("--check", action="store_true", help="generate in a temporary folder")
    given = parser.parse_args()
    if given.check == (given.folder is not None):
        parser.error("give a folder, or --check")
    if given.folder:
        given.folder.mkdir(parents=True, exist_ok=True)
        return int(not check(given.folder.resolve()))
    with tempfile.TemporaryDirectory() as folder:
        return int(not check(Path(folder).resolve()))


if __name__ == "__main__":
    sys.exit(main())
