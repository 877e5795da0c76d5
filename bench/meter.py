"""What a piece of work costs: seconds of the clock, and of the processors on both sides of the connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psutil
import psycopg


@dataclass(frozen=True)
class Cost:
    """Seconds of the clock, and of processors: of this process, those it started, and all of the server's."""

    seconds: float
    processor_seconds: float


@contextmanager
def of(address: str) -> Iterator[Callable[[Callable[[], object]], Cost]]:
    """A function that runs a piece of work and says what it cost.

    Args:
        address: the URL of a server on this machine that nobody else uses meanwhile.
    """
    with psycopg.connect(address, autocommit=True) as connection:
        postmaster = psutil.Process(connection.info.backend_pid).parent()
        assert postmaster is not None

        def cost(work: Callable[[], object]) -> Cost:
            started, before = time.perf_counter(), _processor_seconds(postmaster)
            work()
            seconds = time.perf_counter() - started
            return Cost(seconds, _processor_seconds(postmaster) - before)

        yield cost


def _processor_seconds(postmaster: psutil.Process) -> float:
    return sum(map(_of_family, (psutil.Process(), postmaster)))


def _of_family(process: psutil.Process) -> float:
    """Of a process, its children, and those of its children that have ended."""
    total = 0.0
    for member in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = member.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total
