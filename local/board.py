"""How far each run is: a live line for each on a terminal, elsewhere a printed line for each stage."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from local.progress import Stopwatch

STARTED = {"running", "deferred", "up_for_retry", "up_for_reschedule", "restarting"}
ENDED = {"success", "failed", "skipped", "upstream_failed", "removed"}
WAITS, DONE, FAILED = "waits", "done", "failed"
COLORS = {WAITS: "dim", DONE: "green", FAILED: "bold red"}


@dataclass(frozen=True)
class Stage:
    """Where a run is.

    Attributes:
        name: of the task that runs, in words; several are joined. Empty between two tasks.
        count: how many of a task's instances have ended, such as ``3 of 12``; empty for a task with one.
        done: the share of the run's tasks that have ended, 0 to 1.
    """

    name: str
    count: str = ""
    done: float = 0.0


@dataclass
class Line:
    """What the board shows of a run: its stage, and since when it runs and until when it ran."""

    stage: Stage
    since: float
    until: float | None = None


def stage(tasks: list[dict[str, Any]]) -> Stage:
    """The stage of a run with these task instances, as Airflow's REST API gives them."""
    states: dict[str, list[str]] = {}
    for task in tasks:
        states.setdefault(task["task_id"], []).append(task["state"] or "")
    ended = {name: sum(state in ENDED for state in of) for name, of in states.items()}
    started = [name for name, of in states.items() if STARTED.intersection(of)]
    count = ""
    if len(started) == 1 and len(states[started[0]]) > 1:
        count = f"{ended[started[0]]} of {len(states[started[0]])}"
    names = ", ".join(name.rpartition(".")[2].replace("_", " ") for name in sorted(started))
    done = sum(ended[name] / len(of) for name, of in states.items()) / len(states) if states else 0
    return Stage(names, count, done)


def is_terminal() -> bool:
    """Whether a person looks at the output while it is written, on something that can move its cursor."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


class Board:
    """The runs that are followed, to be entered by ``with``.

    Args:
        watch: what prints lines where there is no terminal.
    """

    def __init__(self, watch: Stopwatch) -> None:
        self._watch = watch
        self._lines: dict[str, Line] = {}
        self._live = None
        if is_terminal():
            self._live = Live(get_renderable=self._table, console=Console(), refresh_per_second=4)

    def __enter__(self) -> Self:
        """Show the board."""
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Leave it as it is now."""
        if self._live:
            self._live.stop()

    @property
    def lines(self) -> Mapping[str, Line]:
        """The lines, by name."""
        return self._lines

    def show(self, name: str, now: Stage) -> None:
        """Show that the run *name* is at the stage *now*."""
        line = self._lines.get(name)
        if line is None or line.until is not None:
            line = self._lines[name] = Line(Stage(WAITS), time.monotonic())
        before = line.stage
        line.stage = now if now.name else Stage(before.name, before.count, now.done)
        if now.name in (DONE, FAILED):
            line.until = time.monotonic()
        if self._live is None and line.stage.name != before.name:
            self._watch.say(f"{name}: {line.stage.name}")

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for width in (22, 28, 14):
            table.add_column(width=width, no_wrap=True, overflow="ellipsis")
        table.add_column(justify="right", width=6, no_wrap=True)
        for name, line in self._lines.items():
            at = line.stage
            text = f"{at.name} {at.count}"
            bar = ProgressBar(total=1, completed=at.done, width=14)
            seconds = (line.until or time.monotonic()) - line.since
            table.add_row(name, text, bar, f"{seconds:.0f} s", style=COLORS.get(at.name, ""))
        return table
