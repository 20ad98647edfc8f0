"""Apache Kafka's jars: fetched once from Maven repositories by the pure-Python client `jgo`, held to `kafka-jars.lock`.

The lock names every jar with its sha256, so nothing is resolved at run time and a changed jar is refused. A mirror is
the user's own setting of jgo (`[repositories]` in its configuration file). `python -m deploy.laptop.kafka_jars`
writes the lock anew for the versions below.
"""

from __future__ import annotations

import hashlib
import logging
import os
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.laptop.locks import exclusive
from deploy.laptop.processes import LaunchError

if TYPE_CHECKING:
    from jgo.maven import Artifact, MavenContext

LOCK = Path(__file__).with_name("kafka-jars.lock")
_BROKER = "org.apache.kafka:kafka_2.13:4.3.1"
# What carries Kafka's log lines to log4j. Added by itself, as Kafka's own distribution does: all it needs is there
# already, and resolved together its parent's versions would replace the ones that Kafka is built with.
_LOG_BINDING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"
_DOWNLOADS = 8

Progress = Callable[[int, int], None]
"""Called with (jars ready, jars in all)."""


@dataclass(frozen=True)
class Jar:
    """One locked jar: `group:artifact:version` and the sha256 of its bytes."""

    coordinate: str
    sha256: str

    @property
    def file_name(self) -> str:
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def cache_dir() -> Path:
    """Where downloads are kept: LINLI_CACHE, else ~/.cache/linli."""
    given = os.environ.get("LINLI_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "linli"


def locked_jars() -> list[Jar]:
    """The jars of the lock file."""
    lines = (line.split() for line in LOCK.read_text().splitlines() if line and not line.startswith("#"))
    return [Jar(coordinate, sha256) for sha256, coordinate in lines]


def ready_jars(progress: Progress = lambda ready, total: None) -> list[Path]:
    """Every locked jar, checked; fetched first where missing or damaged.

    Raises LaunchError when a jar cannot be fetched, stored, or is not the one that the lock names.
    """
    folder = cache_dir() / "kafka-jars"
    jars = locked_jars()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with exclusive(folder / ".lock"), ThreadPoolExecutor(_DOWNLOADS) as pool, _quiet_jgo():
            context = _context(folder / ".maven")
            paths = []
            for path in pool.map(lambda jar: _ready(jar, folder, context), jars):
                paths.append(path)
                progress(len(paths), len(jars))
    except OSError as error:  # requests' errors are OSErrors too
        raise LaunchError(_download_failure(error, folder)) from error
    return paths


def _ready(jar: Jar, folder: Path, context: MavenContext) -> Path:
    path = folder / jar.file_name
    if path.exists() and _sha256(path) == jar.sha256:
        return path
    path.unlink(missing_ok=True)
    fetched = _fetch(jar, context)
    found = _sha256(fetched)
    if found != jar.sha256:
        fetched.unlink()
        raise LaunchError(f"{jar.file_name} has sha256 {found}, but {LOCK.name} wants {jar.sha256}: not used")
    return fetched.replace(path)


def _fetch(jar: Jar, context: MavenContext) -> Path:
    artifact = _artifact(jar.coordinate, context)
    assert artifact.cached_path is not None
    artifact.cached_path.unlink(missing_ok=True)  # what an interrupted download left
    try:
        path: Path = artifact.resolve()
    except RuntimeError as error:
        raise LaunchError(f"{jar.coordinate} cannot be downloaded: {error}") from error
    return path


def _artifact(coordinate: str, context: MavenContext) -> Artifact:
    group, artifact, version = coordinate.split(":")
    return context.project(group, artifact).at_version(version).artifact()


def _context(repository: Path) -> MavenContext:
    # Imported late: a second start finds every jar in the cache and need not pay for it.
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext, PythonResolver

    trusted = ssl.get_default_verify_paths()
    if trusted.cafile or trusted.capath:
        # What this machine trusts, as everything else on it does, also behind a company's proxy.
        os.environ.setdefault("REQUESTS_CA_BUNDLE", str(trusted.cafile or trusted.capath))
    remotes = {"central": MAVEN_CENTRAL_URL} | GlobalSettings.load().repositories
    return MavenContext(
        repo_cache=repository, local_repos=[], remote_repos=remotes, resolver=PythonResolver(), timeout=60
    )


@contextmanager
def _quiet_jgo() -> Iterator[None]:
    logger = logging.getLogger("jgo")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _download_failure(error: OSError, folder: Path) -> str:
    if error.strerror:
        return f"Kafka's jars cannot be stored in {folder}: {error.strerror}. Free some space or set LINLI_CACHE"
    return (
        f"Kafka's jars cannot be downloaded ({type(error).__name__}): check the network or your proxy, then try again"
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_lock(repository: Path) -> int:
    """Resolve the broker with all it needs, write the lock file; returns the number of jars."""
    from jgo.maven import Dependency

    context = _context(repository)
    inputs, transitive = context.resolver.resolve([Dependency(_artifact(_BROKER, context))])
    artifacts = [dependency.artifact for dependency in (*inputs, *transitive)] + [_artifact(_LOG_BINDING, context)]
    lines = {f"{one.groupId}:{one.artifactId}:{one.version}": _sha256(one.resolve()) for one in artifacts}
    header = f"# Made by `python -m deploy.laptop.kafka_jars` for {_BROKER}.\n"
    LOCK.write_text(header + "".join(f"{sha256}  {coordinate}\n" for coordinate, sha256 in sorted(lines.items())))
    return len(lines)


if __name__ == "__main__":
    print(f"{write_lock(cache_dir() / 'maven')} jars in {LOCK}")
