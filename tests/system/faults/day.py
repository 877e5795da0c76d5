"""A day of one source, stage by stage as a scheduler starts them, with a fault at one of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.system.faults.stages import Running, Stage
from tests.system.faults.world import SOURCES, World

# A failed stage is started again this many times.
RETRIES = 3
AT_A_TIME = 2


class NotHealed(AssertionError):
    """A stage failed at each of its attempts."""


@dataclass
class Fault:
    """What happens to one stage of a day; this one is nothing.

    Attributes:
        position: of the stage, counted from 0 in the order in which stages are started first.
        hit: what it did, for the table.
    """

    position: int
    hit: list[str] = field(default_factory=list)

    def start(self, world: World, stage: Stage) -> Running:
        """Start the stage."""
        return world.start(stage)

    def during(self, world: World, running: Running) -> None:
        """Called when it has started."""

    def after(self, world: World, stage: Stage) -> None:
        """Called when it has ended, well or not."""


@dataclass
class Day:
    """The run of a day.

    Attributes:
        fault: what to do to which stage.
        took: the seconds of each stage's first attempt, in order of position.
        stages: the stages in order of position.
        failures: why attempts failed.
    """

    world: World
    fault: Fault = field(default_factory=lambda: Fault(-1))
    took: list[float] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def load(self, source: str) -> None:
        """Bring the files of *source* into the star.

        Raises:
            NotHealed: a stage failed at each attempt.
        """
        (landed,) = self.step(Stage("land", (source,)))
        self.step(*(Stage("verify", (batch,)) for batch in landed))
        self.step(Stage("check", (source,)))
        self.step(Stage("load_dimensions", (source,)))
        (facts,) = self.step(Stage("fact_tables", (source,)), is_counted=False)
        self.step(*(Stage("load_fact", (source, fact)) for fact in facts))
        self.step(Stage("check_star", (source,)))
        self.step(Stage("finish", (source,)))

    def publish(self) -> None:
        """Publish what was loaded."""
        self.step(Stage("publish"))

    def deliver(self, source: str) -> None:
        """Prepare and send the extract that shows *source*."""
        if subscription := SOURCES[source]:
            self.world.await_mail()
            self.step(Stage("prepare", (subscription, self.world.now.isoformat())))
            self.step(Stage("send", (subscription,)))

    def step(self, *stages: Stage, is_counted: bool = True) -> list[Any]:
        """Run stages that do not depend on each other; returns what each returned."""
        first = len(self.stages)
        if is_counted:
            self.stages += stages
            self.took += [0.0] * len(stages)
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            positions = range(first, first + len(stages)) if is_counted else [-2] * len(stages)
            return list(pool.map(self._attempts, stages, positions))

    def _attempts(self, stage: Stage, position: int) -> Any:
        """Run one stage until it succeeds."""
        fault = self.fault if position == self.fault.position else None
        for attempt in range(1 + RETRIES):
            if fault is not None and attempt == 0:
                running = fault.start(self.world, stage)
                fault.during(self.world, running)
            else:
                running = self.world.start(stage)
            succeeded, outcome = running.end()
            if attempt == 0 and position >= 0:
                self.took[position] = running.seconds
            if fault is not None and attempt == 0:
                fault.after(self.world, stage)
            if succeeded:
                return outcome
            self.failures.append(f"{stage}: {_last_line(outcome)}")
            # A scheduler retries after 30 s; here as soon as the server is back.
            self.world.server.await_answer()
        raise NotHealed("\n".join([*self.failures, str(outcome)]))


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1][:300]
