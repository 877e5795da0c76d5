"""What a piece of work costs: seconds of the clock, and of the processors on both sides of the connection."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from bench import once


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
        sides = (os.getpid(), once.parent(connection.info.backend_pid))

        def spent() -> float:
            return sum(map(once.processor_seconds, sides))

        def cost(work: Callable[[], object]) -> Cost:
            started, before = time.perf_counter(), spent()
            work()
            seconds = time.perf_counter() - started
            return Cost(seconds, spent() - before)

        yield cost
