"""What happened, for a reader and for a program: tables on the terminal and ``var/demo/report.json``."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass
class Step:
    """One part of the day: its name, seconds taken, and what was counted."""

    name: str
    seconds: float
    counts: dict[str, int]


@dataclass(frozen=True)
class Invariant:
    """Something that must hold at the end; ``detail`` says what was compared or what is broken."""

    name: str
    ok: bool
    detail: str


@dataclass
class Report:
    """Collects the steps as they pass and prints them as they end."""

    console: Console
    steps: list[Step] = field(default_factory=list)
    invariants: list[Invariant] = field(default_factory=list)
    stories: list[tuple[str, str]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return bool(self.invariants) and all(invariant.ok for invariant in self.invariants)

    @contextmanager
    def step(self, name: str) -> Iterator[dict[str, int]]:
        """Times the block; what it puts into the dictionary is shown beside its name."""
        counts: dict[str, int] = {}
        started = time.perf_counter()
        with self.console.status(f"{name} …"):
            yield counts
        done = Step(name, round(time.perf_counter() - started, 2), counts)
        self.steps.append(done)
        figures = ", ".join(f"{what} {number:,}" for what, number in counts.items())
        self.console.print(f"  [green]✓[/green] {name:<46} {done.seconds:6.1f} s  {figures}", highlight=False)

    def tell(self, who: str, what: str) -> None:
        """One sentence of what happened to somebody."""
        self.stories.append((who, what))

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        document = {
            "ok": self.ok,
            "steps": [asdict(step) for step in self.steps],
            "invariants": [asdict(invariant) for invariant in self.invariants],
        }
        path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n")

    def show(self, where_next: Sequence[tuple[str, str]]) -> None:
        """The closing tables."""
        self.console.print(_table("What happened to whom", ("who", "what"), self.stories))
        rows = [("[green]holds[/green]" if i.ok else "[red]BROKEN[/red]", i.name, i.detail) for i in self.invariants]
        self.console.print(_table("What must hold", ("", "invariant", "compared"), rows))
        self.console.print(_table("Where to look next", ("what", "where"), where_next))
        for broken in (i for i in self.invariants if not i.ok):
            self.console.print(f"[red]broken:[/red] {broken.name}: {broken.detail}", highlight=False)
        took = sum(step.seconds for step in self.steps)
        verdict = "[green]the day held[/green]" if self.ok else "[red]the day did not hold[/red]"
        held = sum(i.ok for i in self.invariants)
        self.console.print(f"{verdict}: {held} of {len(self.invariants)} invariants, {took:.0f} s", highlight=False)


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def difference(ours: Mapping[str, object], theirs: Mapping[str, object], most: int = 3) -> str:
    """Where two ledgers disagree, in a few words; empty when they agree."""
    wrong = [key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)]
    shown = "; ".join(f"{key}: ours {ours.get(key)}, theirs {theirs.get(key)}" for key in sorted(wrong)[:most])
    return f"{len(wrong)} differ ({shown})" if wrong else ""
