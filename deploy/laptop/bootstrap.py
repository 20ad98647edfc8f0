"""Makes `.venv` from the hashed lock; run by the system's own Python, which needs nothing but its standard library.

A stamp in `.venv` names the lock that it was made from, so a second run is done at once. Written so that an old
Python 3 can still read it and says so in one line instead of a syntax error.
"""

import errno
import hashlib
import os
import shutil
import subprocess
import sys

NEEDED = (3, 11)
NEWER = ("python3.13", "python3.12", "python3.11")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
LOCK = os.path.join(ROOT, "requirements.lock")
STAMP = os.path.join(VENV, "linli-lock")
VAR = os.path.join(ROOT, "var")
LOG = os.path.join(VAR, "install.log")
NEEDED_MEGABYTES = 900

DISK_FULL = f"the disk is full: free about {NEEDED_MEGABYTES} MB and run the same command again"
NOT_YOURS = "a file is not yours to write: was an earlier run made as another user?"
# What pip prints -> what went wrong and what to do.
CAUSES = (
    (("No space left on device", "Errno 28"), DISK_FULL),
    (("Permission denied",), NOT_YOURS),
    (("DO NOT MATCH THE HASHES",), "a package is not the one in requirements.lock: check your package mirror"),
    (
        (
            "NewConnectionError",
            "NameResolutionError",
            "ConnectionResetError",
            "Connection refused",
            "IncompleteRead",
            "timed out",
            "ProxyError",
            "SSLError",
            "Could not fetch URL",
        ),
        "a package could not be downloaded: check network and proxy, then run the same command again",
    ),
    (
        ("No matching distribution",),
        "a package has no build for this machine (Linux and macOS on x86_64 or arm64 have), or your mirror lacks it",
    ),
)


class Refused(Exception):
    """Something the user must change; the message is one line."""


def main() -> None:
    """Leave a ready `.venv`, or one line that says what is wrong and what to do."""
    use_new_python()
    try:
        if not ready():
            check_machine()
            install_once()
    except Refused as refused:
        sys.exit(f"Linli cannot be installed: {refused}")
    except KeyboardInterrupt:
        sys.exit("stopped; run the same command again to go on")
    except OSError as error:
        known = {errno.ENOSPC: DISK_FULL, errno.EACCES: NOT_YOURS}
        sys.exit(f"Linli cannot be installed: {known.get(error.errno or 0, str(error))}")


def use_new_python() -> None:
    """Go on with a newer Python of this machine when this one is too old."""
    if sys.version_info >= NEEDED:
        return
    for name in NEWER:
        path = shutil.which(name)
        if path and new_enough(path):
            os.execv(path, [path, os.path.abspath(__file__)])  # noqa: S606
    version = ".".join(str(part) for part in sys.version_info[:2])
    sys.exit(
        f"Linli needs Python 3.11 or newer, this is {version}: install one, then `make PYTHON=/path/to/python3.11`"
    )


def new_enough(path: str) -> bool:
    """False too for the name of a Python manager that has no such version installed."""
    code = f"import sys; sys.exit(sys.version_info < {NEEDED})"
    return subprocess.call([path, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0  # noqa: S603


def wanted_stamp() -> str:
    with open(LOCK, "rb") as lock:
        return hashlib.sha256(lock.read()).hexdigest()


def ready() -> bool:
    """Whether `.venv` was made from this very lock and its Python still works."""
    try:
        with open(STAMP) as stamp:
            return stamp.read() == wanted_stamp() and python_works()
    except OSError:
        return False


def python_works() -> bool:
    """False too when the Python that `.venv` was made with was removed, or the folder was moved."""
    code = f"import sys; sys.exit(sys.version_info < {NEEDED} or sys.prefix != {VENV!r})"
    try:
        return subprocess.call([VENV_PYTHON, "-c", code], stderr=subprocess.DEVNULL) == 0  # noqa: S603
    except OSError:
        return False


def check_machine() -> None:
    """Raises Refused when this machine cannot take the packages."""
    if os.name != "posix":
        raise Refused("it runs on Linux and macOS; on Windows use WSL")
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        raise Refused(f"{sys.executable} has no venv module: on Debian or Ubuntu `apt install {package}`") from None
    free = shutil.disk_usage(ROOT).free // 1000000
    if not os.path.exists(VENV) and free < NEEDED_MEGABYTES:
        raise Refused(f"{free} MB are free under {ROOT}, about {NEEDED_MEGABYTES} are needed: free some space")


def install_once() -> None:
    """Of two `make` at once the second waits for the first."""
    import fcntl

    os.makedirs(VAR, exist_ok=True)
    with open(os.path.join(VAR, "install.lock"), "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready():
            install()


def install() -> None:
    """Make `.venv` if there is none that works, then put exactly the locked packages into it."""
    with open(LOG, "w"):
        pass
    if not python_works():
        say(f"Making .venv with {sys.executable}")
        shutil.rmtree(VENV, ignore_errors=True)
        run([sys.executable, "-m", "venv", VENV])
    say("Fetching packages, the first time this takes a few minutes")
    pip = [VENV_PYTHON, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar=off"]
    run([*pip, "--require-hashes", "-r", LOCK])
    with open(STAMP, "w") as stamp:
        stamp.write(wanted_stamp())
    say("Packages are ready")


def run(command: "list[str]") -> None:
    """Run it and show its steps; all it prints goes to the log. Raises Refused when it fails."""
    packages = 0
    output = []
    process = subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True
    )
    assert process.stdout is not None
    with open(LOG, "a") as log:
        for line in process.stdout:
            log.write(line)
            output.append(line)
            if line.startswith(("Collecting", "Requirement already")):
                packages += 1
                show(packages)
            elif line.startswith("Installing"):
                say("Unpacking them")
    if process.wait() != 0:
        raise Refused(cause("".join(output)))


def show(packages: int) -> None:
    """Count on one line of a terminal, now and then elsewhere."""
    if sys.stdout.isatty():
        sys.stdout.write(f"\r  {packages} \r")
        sys.stdout.flush()
    elif packages % 25 == 0:
        say(f"  {packages}")


def say(text: str) -> None:
    print(text, flush=True)


def cause(output: str) -> str:
    """One line: what went wrong, what to do, where to read more."""
    for hints, message in CAUSES:
        if any(hint in output for hint in hints):
            return f"{message} (log: {LOG})"
    lines = output.strip().splitlines() or ["no output"]
    return f"{lines[-1]} (log: {LOG})"


if __name__ == "__main__":
    main()
