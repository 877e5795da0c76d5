"""The sheets of a workbook as text, as a person reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import fastexcel
import polars as pl

from claimhouse.reading.kinds import AGAIN
from claimhouse.reading.lines import check_header
from claimhouse.reading.parts import Place, Unreadable
from claimhouse.reading.tables import plain_time

# The row number of a row of the n-th table of a workbook, n from 0, is n * SHEET_ROWS + its row in
# the sheet. A sheet ends at row 1,048,576, so the sheet's row can be read off the last digits.
SHEET_ROWS = 10_000_000
# A header stands among the first rows that are not blank.
HEADER_ROWS = 50
PREVIEW_ROWS = 1_100
LONG_FLOAT = r"^-?\d+\.\d{9}$"  # calamine's rendering of a number that has no short one
# calamine's rendering of a time without a day: a number below 1, which it counts from 1899.
TIME_ONLY = r"^1899-12-3[01] (\d{2}:\d{2}:\d{2})(?:\.\d+)?$"


@dataclass(frozen=True)
class Loaded:
    """A sheet as text.

    Attributes:
        rows: ``row_number`` as the sheet counts, from 1, then each column of cells; blank rows too.
        errors: the place of the column of the first error cell of a row, by row number.
        columns: the place of each column of cells in the sheet, from 0.
        is_visible: whether a person who opens the workbook sees the sheet.
        height: how many rows the sheet has.
    """

    rows: pl.DataFrame
    errors: dict[int, int]
    columns: tuple[int, ...]
    is_visible: bool
    height: int

    @property
    def cells(self) -> list[str]:
        """The columns of cells."""
        return self.rows.columns[1:]

    def filled(self) -> pl.DataFrame:
        """The rows that are not blank; an error is a value."""
        if not self.cells:
            return self.rows.clear()
        is_faulty = pl.col("row_number").is_in(list(self.errors))
        return self.rows.filter(pl.any_horizontal(pl.col(self.cells) != "") | is_faulty)


@dataclass(frozen=True)
class Sheet:
    """The beginning of a sheet, to find its table by.

    Attributes:
        number: its place in the workbook, from 0.
        is_visible: whether a person who opens the workbook sees it; the rows of others are not read.
        rows: its first rows that are not blank: ``row_number`` and cells as text.
        is_empty: whether it has no value at all.
    """

    name: str
    number: int
    is_visible: bool
    rows: pl.DataFrame
    is_empty: bool

    def titles(self) -> list[tuple[int, tuple[str, ...]]]:
        """The rows that may be its header: row number and cells."""
        rows = self.rows.head(HEADER_ROWS).rows()
        return [(number, tuple(cell.strip() for cell in cells)) for number, *cells in rows]

    def below(self, header_row: int) -> pl.DataFrame:
        """The rows below a header, under its names, with ``row_number``.

        Raises:
            Unreadable: a name is blank or occurs twice.
        """
        return under_header(self.rows, header_row)[1]


def load_sheets(path: Path) -> list[Sheet]:
    """Every sheet of a checked workbook; of hidden ones only the name.

    Raises:
        Unreadable: the workbook is cut off, or two sheets have one name.
    """
    book = open_book(path)
    if len(set(book.sheet_names)) < len(book.sheet_names):
        raise Unreadable("sheet", "Two sheets of the workbook have the same name.")
    return [_preview(book, number, name) for number, name in enumerate(book.sheet_names)]


def widest(sheets: Sequence[Sheet]) -> list[Place]:
    """Where the table of a workbook nobody has described seems to begin; nowhere without a value.

    It is the first row, among those that may be headers, that fills most cells.
    """
    rows = [
        (sum(map(bool, titles)), Place(sheet.name, row))
        for sheet in sheets
        if sheet.is_visible
        for row, titles in sheet.titles()
    ]
    return [max(rows, key=lambda row: row[0])[1]] if rows else []


def open_book(path: Path) -> fastexcel.ExcelReader:
    """The workbook.

    Raises:
        Unreadable: it is cut off.
    """
    try:
        return fastexcel.read_excel(path)
    except fastexcel.FastExcelError:
        raise Unreadable("truncated", f"The workbook is cut off or corrupt. {AGAIN}") from None


def load(book: fastexcel.ExcelReader, sheet: int | str, rows: int | None = None) -> Loaded:
    """A sheet, or its first *rows*.

    Raises:
        Unreadable: there is no such sheet, or it is cut off.
    """
    try:
        loaded = book.load_sheet(
            sheet,
            header_row=None,
            skip_rows=0,  # count empty rows before the header
            n_rows=rows,
            dtypes="string",
        )
        batch, errors = loaded.to_arrow_with_errors()
    except fastexcel.SheetNotFoundError:
        raise Unreadable(
            "sheet", "The workbook has no sheet of the name in its contract."
        ) from None
    except fastexcel.FastExcelError:
        raise Unreadable("truncated", f"The workbook is cut off or corrupt. {AGAIN}") from None
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)
    columns = tuple(column.absolute_index for column in loaded.selected_columns)
    places: dict[int, int] = {}
    for error in errors.errors if errors else []:
        places.setdefault(error.position[0] + 1, columns[error.offset_position[1]])
    frame = frame.select(_plain_number(plain_time(_plain_clock(pl.all().fill_null("")))))
    numbers = pl.int_range(1, frame.height + 1, dtype=pl.Int64, eager=True).alias("row_number")
    is_visible = loaded.visible == "visible"
    return Loaded(frame.insert_column(0, numbers), places, columns, is_visible, loaded.total_height)


def first_place(book: fastexcel.ExcelReader, sheet: str | None) -> Place:
    """The first row of *sheet*, or of the first visible sheet with a value.

    Raises:
        Unreadable: there is no such sheet, or it is empty.
    """
    if sheet is not None:
        rows = load(book, sheet, PREVIEW_ROWS).filled()
        if rows.is_empty():
            raise Unreadable("empty_file", "The sheet is empty.")
        return Place(sheet, int(rows["row_number"][0]))
    for number, name in enumerate(book.sheet_names):
        preview = _preview(book, number, name)
        if preview.is_visible and not preview.rows.is_empty():
            return Place(name, int(preview.rows["row_number"][0]))
    raise Unreadable("empty_file", "No visible sheet of the workbook has a value.")


def under_header(
    rows: pl.DataFrame, header_row: int
) -> tuple[dict[str, str], pl.DataFrame, dict[int, list[str]]]:
    """The rows of a sheet below its header.

    Returns:
        The name of the header for each column of cells that has one; the rows under these names, with
        ``row_number``; and, by row number, values in columns without a name.

    Raises:
        Unreadable: a name occurs twice, or is blank above a column that most rows fill.
    """
    cells = rows.columns[1:]
    titles = rows.filter(pl.col("row_number") == header_row).row(0)[1:]
    below = rows.filter(pl.col("row_number") > header_row)
    filled = below.select((pl.col(cell) != "").sum() for cell in cells).row(0)
    used, stray = [], []
    for cell, title, count in zip(cells, titles, filled, strict=True):
        if title.strip() or 2 * count > below.height:
            used.append((cell, title.strip()))
        elif count:
            stray.append(cell)
    header = check_header([title for _, title in used], header_row)
    named = {cell: name for (cell, _), name in zip(used, header, strict=True)}
    found: dict[int, list[str]] = {}
    if stray:
        has_stray = below.filter(pl.any_horizontal(pl.col(stray) != ""))
        for number, *values in has_stray.select("row_number", *stray).rows():
            found[number] = [value for value in values if value]
    return named, below.select("row_number", *named).rename(named), found


def _preview(book: fastexcel.ExcelReader, number: int, name: str) -> Sheet:
    try:
        loaded = load(book, name, PREVIEW_ROWS)
    except Unreadable as error:
        if error.rule == "sheet":  # a sheet of another kind, such as a macro or a dialog
            return Sheet(name, number, True, pl.DataFrame({"row_number": []}), True)
        raise
    rows = loaded.filled()
    is_empty = rows.is_empty() and loaded.height <= PREVIEW_ROWS
    return Sheet(name, number, loaded.is_visible, rows, is_empty)


def _plain_clock(values: pl.Expr) -> pl.Expr:
    """A time of day without the day that a workbook does not have for it."""
    return values.str.replace(TIME_ONLY, "${1}")


def _plain_number(values: pl.Expr) -> pl.Expr:
    """A number as it was typed, without the noise of its binary fraction."""
    shortest = values.cast(pl.Float64, strict=False).cast(pl.String)
    return pl.when(values.str.contains(LONG_FLOAT)).then(shortest).otherwise(values)
