"""One landed file into blocks of raw text rows with line numbers.

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
from claimhouse.reading.xlsx import check_workbook, open_xlsx

FORMATS: dict[str, Callable[[Path, Dialect, int], Reading]] = {
    "csv": open_csv,
    "fixed": open_fixed,
    "xlsx": open_xlsx,
    "jsonl": open_jsonl,
    "parquet": open_parquet,
}


def open_file(
    path: Path, dialect: Dialect, block_bytes: int, places: Sequence[Place] = ()
) -> Reading:
    """Open a landed file for reading.

    Args:
        path: a local file.
        dialect: how its contract says it is written.
        block_bytes: about how many bytes are read at a time.
        places: the tables of a workbook to read, in their order; without any, the one that begins
            with the first row of the first visible sheet.

    Raises:
        Unreadable: the file as a whole cannot be trusted.
    """
    if dialect.format == "xlsx":
        return open_xlsx(path, dialect, block_bytes, places)
    return FORMATS[dialect.format](path, dialect, block_bytes)


def open_sheets(path: Path, dialect: Dialect) -> list[Sheet]:
    """The sheets of a workbook with their first rows; none where *dialect* is of another format.

    Raises:
        Unreadable: the file as a whole cannot be trusted.
    """
    if dialect.format != "xlsx":
        return []
    check_workbook(path)
    return load_sheets(path)
