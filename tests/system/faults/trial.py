"""Trials: a day is disturbed by a fault, healed as a scheduler would, and compared."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.system.faults import readers
from tests.system.faults.day import Day, NotHealed
from tests.system.faults.kinds import KINDS, Kind
from tests.system.faults.stages import Stage
from tests.system.faults.world import SOURCES, Server, first_day, second_day
from tests.system.state import State, differences

READERS_STAGES = ("publish", "prepare", "send")
# The seconds between two reads of readers: while a day is published, and where it is only loaded.
PAUSE, LOADING_PAUSE = 0.05, 0.5
# In the names of the files without which two days still come at once, and each feed has one.
EXTRA = "20260107"
# A damaged archive that is restored is told to a person.
TOLD = "'archive_restored'"
OWNER = "mail to data-engineering@claimhouse.example"


@dataclass(frozen=True)
class Undisturbed:
    """A second day without a fault.

    Attributes:
        stages: its stages, by position.
        took: the seconds of each.
        loaded: its state when the load had ended, without what readers see.
        state: how it ended.
        may_see: what readers see before and after it.
    """

    stages: list[Stage]
    took: list[float]
    loaded: State
    state: State
    may_see: readers.Seen


@dataclass
class Result:
    """What came of a trial.

    Attributes:
        number: of the trial.
        kind: of the fault.
        what: the source and the stage, and what the fault did.
        differences: from the undisturbed day; empty where all was healed.
        reads: how many reads of readers succeeded meanwhile.
    """

    number: int
    kind: str
    what: str
    differences: list[str] = field(default_factory=list)
    reads: int = 0
    seconds: float = 0.0


class Trials:
    """A server on which the first day has run, and trials of the second.

    Args:
        seed: decides all trials.
        sources: whose days there are.
        is_whole: whether every trial goes on to publication and delivery; else only one whose
            fault is there, and fewer files come on the second day, which takes half the time.
    """

    def __init__(
        self, seed: int, sources: tuple[str, ...] = tuple(SOURCES), *, is_whole: bool = True
    ) -> None:
        self.seed, self.sources, self.is_whole = seed, sources, is_whole
        self.server = Server()
        self.undisturbed: dict[str, Undisturbed] = {}
        try:
            self.first = first_day(self.server)
            if not is_whole:
                self.server.leave_out(EXTRA)
            self.before = self._run_first_day()
        except BaseException:
            self.server.close()
            raise

    def _run_first_day(self) -> readers.Seen:
        """Load, publish and deliver the first day; what readers see then."""
        day = Day(self.first)
        for source in self.sources:
            day.load(source)
        day.publish()
        for source in self.sources:
            day.deliver(source)
        return readers.all_values(self.first)

    def close(self) -> None:
        """Remove everything."""
        self.first.close()
        self.server.close()

    def of_source(self, source: str) -> Undisturbed:
        """The undisturbed second day of *source*."""
        if source not in self.undisturbed:
            with second_day(self.server, f"undisturbed_{source}", source) as world:
                day = Day(world)
                day.load(source)
                loaded = world.state(with_reports=False)
                day.publish()
                day.deliver(source)
                after = readers.all_values(world)
                may_see = {
                    place: after.get(place, set()) | self.before.get(place, set())
                    for place in after.keys() | self.before.keys()
                }
                self.undisturbed[source] = Undisturbed(
                    day.stages, day.took, loaded, world.state(), may_see
                )
        return self.undisturbed[source]

    def run(self, number: int) -> Result:
        """The trial *number*; the seed and the number decide all of it but the timing."""
        rng = random.Random(f"{self.seed}/{number}")
        kind = self.kind(number)
        source = rng.choice([source for source in self.sources if self._positions(kind, source)])
        undisturbed = self.of_source(source)
        position = rng.choice(self._positions(kind, source))
        fault = kind.make(position, seconds=undisturbed.took[position], rng=rng)
        stage = undisturbed.stages[position]
        is_whole = self.is_whole or stage.name in READERS_STAGES
        shown = " ".join(map(str, (stage.name, *stage.arguments[:2])))
        result = Result(number, kind.name, f"{source}, {shown}")
        began = time.monotonic()
        with second_day(self.server, f"trial_{number}", source) as world:
            day = Day(world, fault)
            try:
                pause = PAUSE if is_whole else LOADING_PAUSE
                with readers.Readers(world, undisturbed.may_see, rng, pause) as polling:
                    day.load(source)
                    if is_whole:
                        day.publish()
                        day.deliver(source)
            except NotHealed as error:
                result.differences.append(f"not healed: {error}")
            else:
                expected = undisturbed.state if is_whole else undisturbed.loaded
                state = world.state(with_reports=is_whole)
                result.differences = compare(expected, state, stage.name)
            result.differences += polling.wrong[:5]
            result.reads = polling.reads
        result.what += f": {', '.join(fault.hit) or 'too late'}"
        result.seconds = time.monotonic() - began
        return result

    def kind(self, number: int) -> Kind:
        """The kind of fault of a trial: each kind comes once before one comes again."""
        possible = [kind for kind in KINDS if self.server.has_disks or not kind.needs_disks]
        order = random.Random(f"{self.seed}/{number // len(possible)}")
        return order.sample(possible, len(possible))[number % len(possible)]

    def _positions(self, kind: Kind, source: str) -> list[int]:
        stages = self.of_source(source).stages
        return [at for at, stage in enumerate(stages) if stage.name in kind.stages]


def compare(expected: State, state: State, stage: str) -> list[str]:
    """The differences of *state*: mails arrived exactly once, or are in doubt if *stage* sends."""
    state = state | {
        "quality.issue": [row for row in state["quality.issue"] if TOLD not in row],
    }
    in_doubt = [row for row in state["delivery.outbox"] if "'in_doubt'" in row]
    if stage == "send" and in_doubt:
        return [*_copies(expected, state), *differences(_settled(expected), _settled(state))]
    return differences(expected, state)


def _copies(expected: State, state: State) -> list[str]:
    """The mails that arrived more often than once, or that nobody should have."""
    return [
        f"{name}: {rows.count('a mail')} copies"
        for name, rows in state.items()
        if name.startswith("mail to")
        and not name.startswith(OWNER)
        and (rows.count("a mail") > 1 or name not in expected)
    ]


def _settled(state: State) -> State:
    """*state* but for what is not known of a mail in doubt."""
    return {
        name: rows
        for name, rows in state.items()
        if not name.startswith(("mail to", "delivery.")) and "data-engineering" not in name
    }


@contextmanager
def trials(
    seed: int, sources: tuple[str, ...] = tuple(SOURCES), *, is_whole: bool = True
) -> Iterator[Trials]:
    """Trials on a server of their own."""
    made = Trials(seed, sources, is_whole=is_whole)
    try:
        yield made
    finally:
        made.close()


def table(results: list[Result]) -> str:
    """A line for each kind of fault: trials, healed, differences."""
    lines = [f"{'fault':34}{'trials':>8}{'healed':>8}{'different':>11}{'reads':>8}"]
    for name in [*dict.fromkeys(result.kind for result in results), "all"]:
        of_kind = [result for result in results if name in (result.kind, "all")]
        if not of_kind:
            continue
        different = sum(bool(result.differences) for result in of_kind)
        reads = sum(result.reads for result in of_kind)
        lines.append(
            f"{name:34}{len(of_kind):8}{len(of_kind) - different:8}{different:11}{reads:8}"
        )
    return "\n".join(lines)
