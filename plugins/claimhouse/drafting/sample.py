"""The beginning of a file nobody has described: how it is written, and its first rows."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import polars as pl

from claimhouse import settings
from claimhouse.reading import Dialect, examine, open_file, open_sheets, widest

ROWS = 20_000
DELIMITERS = ",;\t|"
HEAD_BYTES = 64 * 1024


def guess_dialect(path: Path) -> Dialect:
    """How the file is written, as far as its first bytes show.

    Raises:
        Unreadable: the file as a whole cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"PAR1"):
        return Dialect(format="parquet")
    if head.startswith(b"\xd0\xcf\x11\xe0") or _is_workbook(path):
        return Dialect(format="xlsx")
    text = examine(path, "utf-8", None, "csv")
    with text.open() as stream:
        beginning = stream.read(HEAD_BYTES).decode("utf-8", "replace")
    encoding = "utf-8-sig" if text.encoding == "utf-8" and text.mark_bytes else text.encoding
    if beginning.lstrip().startswith("{"):
        return Dialect(format="jsonl", encoding=encoding)
    return Dialect(delimiter=_delimiter(beginning), encoding=encoding)


def first_rows(path: Path, dialect: Dialect) -> pl.DataFrame:
    """The first :data:`ROWS` rows of the file, as text, with their ``row_number``.

    Raises:
        Unreadable: the file as a whole cannot be read.
    """
    blocks: list[pl.DataFrame] = []
    places = widest(open_sheets(path, dialect))
    with open_file(path, dialect, settings.block_bytes(), places) as reading:
        for block in reading:
            blocks.append(block.rows)
            if sum(map(len, blocks)) >= ROWS:
                break
        header = reading.header
    if not blocks:
        return pl.DataFrame(schema={"row_number": pl.Int64} | dict.fromkeys(header, pl.String))
    return pl.concat(blocks).head(ROWS)


def _is_workbook(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return "[Content_Types].xml" in archive.namelist()


def _delimiter(text: str) -> str:
    """The delimiter that splits most lines into as many fields as the header, and into most."""
    lines = text.splitlines()[:-1] or text.splitlines()

    def fitness(delimiter: str) -> tuple[bool, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        if not widths:
            return False, 0
        return widths.count(widths[0]) >= 0.8 * len(widths), widths[0]

    return max(DELIMITERS, key=fitness)
