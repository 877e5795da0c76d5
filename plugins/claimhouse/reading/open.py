"""One landed file into blocks of raw text rows with line numbers.

:data:`FORMATS` is the one list of file formats: a contract's dialect names one of them. A format
is a module with a function that opens a file, and a line here.

Memory is bounded by the block, whatever the file's size (a workbook is bounded by its sheet), and
every line of the file is in a row, in a broken row, or blank.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from claimhouse.reading.csv import open_csv
from claimhouse.reading.fixed import open_fixed
from claimhouse.reading.jsonl import open_jsonl
from claimhouse.reading.parquet import open_parquet
from claimhouse.reading.parts import Dialect, Reading
from claimhouse.reading.xlsx import open_xlsx

FORMATS: dict[str, Callable[[Path, Dialect, int], Reading]] = {
    "csv": open_csv,
    "fixed": open_fixed,
    "xlsx": open_xlsx,
    "jsonl": open_jsonl,
    "parquet": open_parquet,
}


def open_file(path: Path, dialect: Dialect, block_bytes: int) -> Reading:
    """Open a landed file for reading.

    Args:
        path: a local file.
        dialect: how its contract says it is written.
        block_bytes: about how many bytes are read at a time.

    Raises:
        Unreadable: the file as a whole cannot be trusted.
    """
    return FORMATS[dialect.format](path, dialect, block_bytes)
