"""What the user sees while a stack starts: steps with their times on a terminal, one line per step elsewhere."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Steps:
    """Named steps, several of which may run at once in threads. Use it as a context manager around them."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()
        columns = (SpinnerColumn(finished_text="[green]✓"), TextColumn("{task.description}"), TimeElapsedColumn())
        self._live = Progress(*columns, console=self.console) if self.console.is_terminal else None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    @contextmanager
    def step(self, name: str) -> Iterator["Step"]:
        """Show the step while the block runs, and that it is done after it; not when it fails."""
        step = Step(self._live, name)
        began = time.monotonic()
        yield step
        step.done()
        if not self._live:
            with self._lock:
                self.console.print(f"✓ {name} ({time.monotonic() - began:.1f} s)", highlight=False)


class Step:
    """One running step, whose text may be changed."""

    def __init__(self, live: Progress | None, name: str) -> None:
        self._live = live
        self._name = name
        self._task = live.add_task(name, total=1) if live else None

    def say(self, detail: str) -> None:
        """Show a detail behind the name; on a terminal only."""
        if self._live and self._task is not None:
            self._live.update(self._task, description=f"{self._name}: {detail}")

    def done(self) -> None:
        if self._live and self._task is not None:
            self._live.update(self._task, description=self._name, completed=1)


class Silent(Steps):
    """Shows nothing; for tests."""

    def __init__(self) -> None:
        super().__init__(Console(quiet=True))
