"""The project's own sample feeds, one module for each source system.

The same seed gives the same bytes. ``python -m local.samples [landing root] [seed]`` writes them
under a landing root, and a list of the planted defects of each source beside it, as
``planted_<source>.csv``.
"""

from __future__ import annotations

from pathlib import Path

from local.samples import billing, billing_exports, clinic, hospital, pended
from local.samples.planting import Planted, Samples, write

SEED = 20260105
SOURCES = (billing, billing_exports, clinic, hospital, pended)

__all__ = ["SEED", "SOURCES", "Planted", "Samples", "make", "write_all"]


def make(seed: int = SEED) -> list[Samples]:
    """Return the sample feeds of every source system."""
    return [source.make(seed) for source in SOURCES]


def write_all(landing: Path, seed: int = SEED) -> tuple[list[Samples], int]:
    """Write the sample feeds of every source system under *landing*.

    Returns:
        The samples, and the number of files written; files with the same content are skipped.
    """
    samples = make(seed)
    return samples, sum(write(of_source, landing) for of_source in samples)
