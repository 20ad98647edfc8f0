"""Ends the processes of a parent that died without ending them itself.

Run as a separate process with the parent's pipe on standard input. The parent writes `add PID SIGNAL` and `done PID`
lines; end of file means that the parent is gone, however it went (also SIGKILL). A process of its own, because
PR_SET_PDEATHSIG is Linux only, is lost when the user changes and fires when the starting *thread* ends.
"""

import os
import signal
import sys
import time

GRACE_SECONDS = 10.0


def _signal_group(pid: int, number: int) -> bool:
    """Send a signal to a process group; False when nothing of it is left."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def end(groups: dict[int, int]) -> None:
    """Ask every group to stop with its own signal, then kill what is left after the grace period."""
    waiting = {pid for pid, number in groups.items() if _signal_group(pid, number)}
    deadline = time.monotonic() + GRACE_SECONDS
    while waiting and time.monotonic() < deadline:
        time.sleep(0.05)
        waiting = {pid for pid in waiting if _signal_group(pid, 0)}
    for pid in waiting:
        _signal_group(pid, signal.SIGKILL)


def main() -> None:
    """Read the parent's lines until it is gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, int] = {}
    for line in sys.stdin:
        verb, pid, *rest = line.split()
        if verb == "add":
            groups[int(pid)] = int(rest[0])
        else:
            groups.pop(int(pid), None)
    end(groups)


if __name__ == "__main__":
    main()
