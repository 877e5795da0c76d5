"""The stages as processes of their own, such as a scheduler starts: they may be killed at any moment.

Each is a fork of one that has everything imported and no threads (``tests.worlds.forks``).
"""

from __future__ import annotations

import json
import os
import resource
import signal
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.worlds import forks

from claimhouse import delivery, ingest, metrics, reporting, star, warehouse

STAGE_SECONDS = 120


@dataclass(frozen=True)
class Stage:
    """A call of a stage.

    Attributes:
        name: of a function below.
        arguments: what it is called with; they can be written as JSON.
    """

    name: str
    arguments: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.arguments))})"


def publish() -> None:
    """What the task of the DAG `publish` does."""
    with warehouse.connect() as connection:
        metrics.publish(connection)
        reporting.publish(connection)


def prepare(subscription: str, now: str) -> str:
    """Prepare the extract of the period of *now*."""
    return delivery.prepare(subscription, datetime.fromisoformat(now))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "land": ingest.land,
    "verify": ingest.verify,
    "check": ingest.check,
    "load_dimensions": ingest.load_dimensions,
    "fact_tables": star.fact_tables,
    "load_fact": ingest.load_fact,
    "check_star": ingest.check_star,
    "finish": ingest.finish,
    "publish": publish,
    "prepare": prepare,
    "send": delivery.send,
}


def _main(
    environment: Mapping[str, str], stage: Stage, outcome: str, file_bytes: int | None
) -> None:
    """Run *stage* in this process, and leave what it returned or raised in the file *outcome*."""
    os.environ.update(environment)
    log = os.open(f"{outcome}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if file_bytes is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # write fails with EFBIG
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, resource.RLIM_INFINITY))
    draft = Path(f"{outcome}.draft")
    try:
        returned = FUNCTIONS[stage.name](*stage.arguments)
        text = json.dumps({"returned": returned})
    except BaseException:
        text = json.dumps({"raised": traceback.format_exc()})
    if file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    draft.write_text(text)
    draft.replace(outcome)


class Running:
    """A stage that was started."""

    def __init__(self, process: Any, outcome: Path, stage: Stage) -> None:
        self.process, self.outcome, self.stage = process, outcome, stage
        self.began = time.monotonic()
        self.seconds = 0.0

    @property
    def pid(self) -> int:
        """The process's id."""
        return int(self.process.pid)

    def end(self) -> tuple[bool, Any]:
        """Wait for its end; whether it succeeded, and what it returned or why it failed."""
        self.process.join(STAGE_SECONDS)
        self.seconds = time.monotonic() - self.began
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
            return False, f"{self.stage} did not end in {STAGE_SECONDS} s"
        if not self.outcome.exists():
            return False, f"{self.stage} ended with {self.process.exitcode}"
        ended = json.loads(self.outcome.read_text())
        self.outcome.unlink()
        return "returned" in ended, ended.get("returned", ended.get("raised"))


class Starter:
    """Starts stages as processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._context = forks.context()
        self._count = 0

    def start(
        self, stage: Stage, environment: Mapping[str, str], file_bytes: int | None = None
    ) -> Running:
        """Start *stage*.

        Args:
            stage: what to run.
            environment: variables set in its process.
            file_bytes: the size that no file may exceed, as if the disk were full.
        """
        self._count += 1
        outcome = self._folder / f"outcome-{self._count}.json"
        arguments = (dict(environment), stage, str(outcome), file_bytes)
        process = self._context.Process(target=_main, args=arguments)
        process.start()
        return Running(process, outcome, stage)
