"""The project's own sample feeds, one module a source system.

The same seed gives the same bytes. ``python -m local.samples [landing root] [seed]`` writes them
below a landing root, and beside it, as ``planted_<source>.csv``, what was planted in each.
"""

from __future__ import annotations

from pathlib import Path

from local.samples import billing, billing_exports, clinic, hospital, pended
from local.samples.planting import Planted, Samples, write

SEED = 20260105
SOURCES = (billing, billing_exports, clinic, hospital, pended)

__all__ = ["SEED", "SOURCES", "Planted", "Samples", "make", "write_all"]


def make(seed: int = SEED) -> list[Samples]:
    """The sample feeds of every source."""
    return [source.make(seed) for source in SOURCES]


def write_all(landing: Path, seed: int = SEED) -> tuple[list[Samples], int]:
    """Put the sample feeds of every source under *landing*.

    Returns:
        The samples, and how many files were written: those that were not there already.
    """
    made = make(seed)
    return made, sum(write(one, landing) for one in made)
