"""`python -m deploy.laptop run|demo|engines|clean`: the whole system on one machine, without Docker or Java."""

import argparse
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from deploy.laptop.engines import Engines
from deploy.laptop.environment import ROOT
from deploy.laptop.first_steps import first_steps
from deploy.laptop.processes import LaunchError
from deploy.laptop.progress import Steps
from deploy.laptop.supervisor import Stack

_GATEWAY_PORT = 8000


def var_dir() -> Path:
    """Where stacks keep their data: LINLI_VAR, else `var` beside the code."""
    return Path(os.environ.get("LINLI_VAR") or ROOT / "var")


def run(console: Console) -> int:
    """Start the system with its data kept under var/run, until Ctrl-C."""
    with Stack(var_dir() / "run", gateway_port=_gateway_port(), steps=Steps(console)) as stack:
        first_steps(stack, console)
        stack.watch()
    return 0


def _gateway_port() -> int:
    given = os.environ.get("LINLI_GATEWAY_PORT") or str(_GATEWAY_PORT)
    if not given.isdecimal() or not 0 < int(given) < 65536:
        raise LaunchError(f"LINLI_GATEWAY_PORT={given} is no port: give a number from 1 to 65535")
    return int(given)


def demo(console: Console) -> int:
    """Start a fresh system and let a street's day pass through it."""
    from demo.__main__ import main as play

    stack = Stack(var_dir() / f"demo-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}", steps=Steps(console))
    with stack:
        play(stack)
        failure = stack.failure()
    if failure:
        raise failure
    stack.engines.discard()
    return 0


def engines(_: Console) -> int:
    """Start PostgreSQL and Kafka alone and print where they are, until Ctrl-C."""
    with Engines(var_dir() / "engines", durable=False) as both:
        print(f"export LINLI_TEST_POSTGRES_ADMIN_URL={both.postgres_admin_url}")
        print(f"export LINLI_TEST_KAFKA_BOOTSTRAP={both.kafka_bootstrap}", flush=True)
        while (failure := both.failure()) is None:
            time.sleep(0.2)
        raise failure


def clean(console: Console) -> int:
    """Delete the data of all stacks, also what lies outside the var folder; refuse while one of them runs."""
    for folder in sorted(path for path in var_dir().glob("*") if path.is_dir()):
        stack = Engines(folder)
        stack.claim()
        stack.discard()
        shutil.rmtree(folder)
        console.print(f"deleted {folder}", soft_wrap=True, markup=False, highlight=False)
    return 0


_COMMANDS: dict[str, Callable[[Console], int]] = {"run": run, "demo": demo, "engines": engines, "clean": clean}


def _end_with_make() -> None:
    """Stop when the `make` that started us is gone: killed, it cannot pass the signal on."""
    if "MAKELEVEL" in os.environ:
        threading.Thread(target=_wait_for_orphanage, args=(os.getppid(),), daemon=True).start()


def _wait_for_orphanage(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    """The exit code: 0 when all went well or the user stopped it, 1 with a message otherwise."""
    parser = argparse.ArgumentParser(prog="python -m deploy.laptop", description=__doc__)
    verbs = parser.add_subparsers(dest="command", required=True)
    for name, command in _COMMANDS.items():
        verbs.add_parser(name, help=command.__doc__)
    chosen = parser.parse_args().command
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # stop in the same orderly way as on Ctrl-C
    _end_with_make()
    console = Console()
    try:
        return _COMMANDS[chosen](console)
    except KeyboardInterrupt:
        console.print("stopped")
        return 130 if chosen == "demo" else 0
    except LaunchError as error:
        print(f"Linli stopped: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
