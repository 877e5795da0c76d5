"""Workbooks: the values of one sheet as text, as a person reads them."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import fastexcel
import polars as pl

from claimhouse.reading.lines import check_header, join_row
from claimhouse.reading.parts import Block, BrokenRow, Dialect, Reading, split_header
from claimhouse.reading.tables import BLOCK_ROWS, plain_time, split_nul
from claimhouse.reading.text import Unreadable, refuse_binary

WORKBOOK_LIMIT = 1024 * 1024 * 1024
LONG_FLOAT = r"^-?\d+\.\d{9}$"  # calamine's rendering of a number that has no short one


def open_xlsx(path: Path, dialect: Dialect, block_bytes: int) -> Reading:
    """Open a workbook, see :func:`claimhouse.reading.open_file`.

    It is held in memory whole, whatever *block_bytes*: a sheet ends at a million rows.

    Raises:
        Unreadable: it is no workbook, is cut off, or has no such sheet or no header.
    """
    header, blocks = split_header(_parts(path, dialect))
    return Reading(header, [], blocks)


def _parts(path: Path, dialect: Dialect) -> Iterator[list[str] | Block]:
    """The header of the sheet, then its rows; row numbers are those the sheet shows."""
    _check_workbook(path)
    frame, errors = _load_sheet(path, 0 if dialect.sheet is None else dialect.sheet)
    cells = frame.columns[1:]
    if not cells or not frame.height:
        raise Unreadable("empty_file", "The sheet is empty.")
    is_faulty = pl.col("row_number").is_in(pl.Series(list(errors), dtype=pl.Int64).implode())
    frame = frame.filter(pl.any_horizontal(pl.col(cells) != "") | is_faulty)
    line, *titles = frame.row(0)
    frame = frame.slice(1)
    places = [
        place
        for place, title in enumerate(titles)
        if title.strip() or (frame[cells[place]] != "").any()
    ]
    header = check_header([titles[place].strip() for place in places], line)
    yield header
    named = {cells[place]: name for place, name in zip(places, header, strict=True)}
    frame = frame.select("row_number", *named).rename(named)
    column_of = {number: named.get(cells[place]) for number, place in errors.items()}
    for part in frame.iter_slices(BLOCK_ROWS):
        block = split_nul(part.filter(~is_faulty), header, dialect)
        faulty = part.filter(is_faulty)
        raw = join_row(faulty, header, dialect)
        message = "A cell holds a spreadsheet error in place of a value."
        broken = [
            BrokenRow(row[0], "cell_error", message, text, column_of[row[0]], row[1])
            for row, text in zip(faulty.rows(), raw, strict=True)
        ]
        yield Block(block.rows, sorted(block.broken + broken, key=lambda row: row.row_number))


def _load_sheet(path: Path, sheet: int | str) -> tuple[pl.DataFrame, dict[int, int]]:
    """A sheet as text with its row numbers, and the column of the first error cell by row number."""
    try:
        loaded = fastexcel.read_excel(path).load_sheet(
            sheet,
            header_row=None,
            skip_rows=0,  # count empty rows before the header
            dtypes="string",
        )
        frame = loaded.to_polars()
        _, errors = loaded.to_arrow_with_errors()
    except fastexcel.SheetNotFoundError:
        raise Unreadable(
            "sheet", "The workbook has no sheet of the name in its contract."
        ) from None
    except fastexcel.FastExcelError:
        raise Unreadable("truncated", "The workbook is cut off or corrupt.") from None
    places: dict[int, int] = {}
    for error in errors.errors if errors else []:
        places.setdefault(error.position[0] + 1, error.offset_position[1])
    frame = frame.select(_plain_number(plain_time(pl.all().fill_null(""))))
    numbers = pl.int_range(1, frame.height + 1, dtype=pl.Int64, eager=True).alias("row_number")
    return frame.insert_column(0, numbers), places


def _check_workbook(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise Unreadable("empty_file", "The file is empty.")
    if head.startswith(b"\xd0\xcf\x11\xe0"):  # a workbook from before 2007; calamine reads it
        return
    if not head.startswith(b"PK"):
        refuse_binary(head, "xlsx")
        raise Unreadable("wrong_format", "The file looks like text; its contract says xlsx.")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        raise Unreadable("truncated", "The workbook is cut off or corrupt.") from None
    if all(member.filename != "[Content_Types].xml" for member in members):
        raise Unreadable(
            "wrong_format", "The file looks like a zip archive; its contract says xlsx."
        )
    if sum(member.file_size for member in members) > WORKBOOK_LIMIT:
        raise Unreadable("too_large", "The workbook takes more than 1 GiB when unpacked.")


def _plain_number(values: pl.Expr) -> pl.Expr:
    """A number as it was typed, without the noise of its binary fraction."""
    shortest = values.cast(pl.Float64, strict=False).cast(pl.String)
    return pl.when(values.str.contains(LONG_FLOAT)).then(shortest).otherwise(values)
