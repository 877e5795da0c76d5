"""A file into blocks of raw text rows with line numbers, in bounded memory.

Comes in: a file on the local disk and its dialect. Goes out: a :class:`Reading` of blocks; every
line of the file is in a row, in a broken row, or blank. May not know contracts, a database or Airflow.

:mod:`open` lists the file formats, one module each.
"""

from __future__ import annotations

from claimhouse.reading.lines import join_row
from claimhouse.reading.open import FORMATS, open_file
from claimhouse.reading.parts import Block, BrokenRow, Dialect, Note, Reading
from claimhouse.reading.text import Unreadable, examine

__all__ = [
    "FORMATS",
    "Block",
    "BrokenRow",
    "Dialect",
    "Note",
    "Reading",
    "Unreadable",
    "examine",
    "join_row",
    "open_file",
]
