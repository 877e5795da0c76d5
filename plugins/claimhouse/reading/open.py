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

from claimhouse.reading.archives import members_of
from claimhouse.reading.csv import open_csv, read_csv
from claimhouse.reading.fixed import open_fixed, read_fixed
from claimhouse.reading.jsonl import open_jsonl, read_jsonl
from claimhouse.reading.members import open_members
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


# Formats of text, which a zip archive can hold several files of.
TEXTS = {"csv": read_csv, "fixed": read_fixed, "jsonl": read_jsonl}


def open_here(
    path: Path, dialect: Dialect, block_bytes: int, places: Sequence[Place] = ()
) -> Reading:
    """Open a file in this process; see :func:`claimhouse.reading.open_file`.

    Raises:
        Unreadable: the file as a whole cannot be trusted; a damaged one may raise anything else.
    """
    if dialect.format == "xlsx":
        return open_xlsx(path, dialect, block_bytes, places)
    if dialect.format not in TEXTS:
        return FORMATS[dialect.format](path, dialect, block_bytes)
    members = members_of(path, dialect)
    if len(members.data) > 1:
        return open_members(path, dialect, block_bytes, members, TEXTS[dialect.format])
    reading = FORMATS[dialect.format](path, dialect, block_bytes)
    reading.notes[:0] = members.notes
    return reading


def sheets_here(path: Path) -> list[Sheet]:
    """The sheets of a workbook; see :func:`claimhouse.reading.open_sheets`.

    Raises:
        Unreadable: the file as a whole cannot be trusted; a damaged one may raise anything else.
    """
    check_workbook(path)
    return load_sheets(path)
