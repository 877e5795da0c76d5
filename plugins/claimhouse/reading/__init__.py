"""A file into blocks of raw text rows with line numbers, in bounded memory.

Comes in: a file on the local disk and its dialect. Goes out: a :class:`Reading` of blocks; every
line of the file is in a row, in a broken row, or blank. May not know contracts, a database or Airflow.

:mod:`pool` hands a file to a process with limits, :mod:`child`. :mod:`open` lists the file formats,
one module each.
"""

from __future__ import annotations

from claimhouse.reading.lines import join_row
from claimhouse.reading.notes import title_note
from claimhouse.reading.open import FORMATS
from claimhouse.reading.parser import split_row
from claimhouse.reading.parts import (
    Block,
    BrokenRow,
    Dialect,
    Note,
    Place,
    Reading,
    Records,
    Spot,
    Table,
    Trailer,
    Unreadable,
    fold,
)
from claimhouse.reading.pool import guess_dialect, open_file, open_sheets
from claimhouse.reading.sheets import HEADER_ROWS, SHEET_ROWS, Sheet, widest

__all__ = [
    "FORMATS",
    "HEADER_ROWS",
    "SHEET_ROWS",
    "Block",
    "BrokenRow",
    "Dialect",
    "Note",
    "Place",
    "Reading",
    "Records",
    "Sheet",
    "Spot",
    "Table",
    "Trailer",
    "Unreadable",
    "fold",
    "guess_dialect",
    "join_row",
    "open_file",
    "open_sheets",
    "split_row",
    "title_note",
    "widest",
]
