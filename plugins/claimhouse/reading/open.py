"""The file formats, and how a file is opened in the process that calls.

Only :mod:`child` calls it: it has the limits that a stranger's file needs.

:data:`FORMATS` is the one list of file formats: a contract's dialect names one of them. A format
is a module with a function that opens a file, and a line here.

Memory is bounded by the block, whatever the file's size (a workbook is bounded by its sheet), and
every line of the file is in a row, in a broken row, or blank.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from claimhouse.reading.csv import open_csv
from claimhouse.reading.fixed import open_fixed
from claimhouse.reading.jsonl import open_jsonl
from claimhouse.reading.parquet import open_parquet
from claimhouse.reading.parts import Dialect, Place, Reading
from claimhouse.reading.sheets import Sheet, load_sheets
from claimhouse.reading.workbook import check_workbook
from claimhouse.reading.xlsx import open_xlsx

FORMATS: dict[str, Callable[[Path, Dialect, int], Reading]] = {
    "csv": open_csv,
    "fixed": open_fixed,
    "xlsx": open_xlsx,
    "jsonl": open_jsonl,
    "parquet": open_parquet,
}


def open_here(
    path: Path, dialect: Dialect, block_bytes: int, places: Sequence[Place] = ()
) -> Reading:
    """Open a file in this process; see :func:`claimhouse.reading.open_file`.

    Raises:
        Unreadable: the file as a whole cannot be trusted; a damaged one may raise anything else.
    """
    if dialect.format == "xlsx":
        return open_xlsx(path, dialect, block_bytes, places)
    return FORMATS[dialect.format](path, dialect, block_bytes)


def sheets_here(path: Path) -> list[Sheet]:
    """The sheets of a workbook; see :func:`claimhouse.reading.open_sheets`.

    Raises:
        Unreadable: the file as a whole cannot be trusted; a damaged one may raise anything else.
    """
    check_workbook(path)
    return load_sheets(path)
