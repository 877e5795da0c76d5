"""Workbooks: the tables of their sheets as blocks of text rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import fastexcel
import polars as pl

from claimhouse.reading.cells import OddCells, odd_cells
from claimhouse.reading.limits import at
from claimhouse.reading.lines import join_row
from claimhouse.reading.misplaced import MESSAGES as MISPLACED
from claimhouse.reading.misplaced import misplaced
from claimhouse.reading.parts import Block, BrokenRow, Dialect, Place, Reading, Table
from claimhouse.reading.sheets import SHEET_ROWS, Loaded, first_place, load, open_book, under_header
from claimhouse.reading.tables import BLOCK_ROWS, split_nul
from claimhouse.reading.workbook import check_workbook

MESSAGES = {
    "cell_error": "A cell holds a spreadsheet error in place of a value.",
    "formula": (
        "A cell holds a formula without its result. Open the workbook in the program that it is "
        "for, save it and send it again."
    ),
    "field_count": "The row has a value in a column without a name.",
    **MISPLACED,
}


def open_xlsx(
    path: Path, dialect: Dialect, block_bytes: int, places: Sequence[Place] = ()
) -> Reading:
    """Open a workbook, see :func:`claimhouse.reading.open_file`.

    It is held in memory whole, whatever *block_bytes*: a sheet ends at a million rows.

    Raises:
        Unreadable: it is no workbook, is cut off, or has no such sheet or no header.
    """
    check_workbook(path)
    book = open_book(path)
    tables, blocks = [], []
    for number, place in enumerate(places or [first_place(book, dialect.sheet)]):
        table, rows = _table(path, book, place, number, dialect)
        tables.append(table)
        blocks.append(rows)
    return Reading(list(tables[0].header), [], _chained(blocks), tuple(tables))


def _chained(blocks: list[Iterator[Block]]) -> Iterator[Block]:
    """The blocks of each table in turn; a table is let go once it has been read."""
    while blocks:
        yield from blocks.pop(0)


def _table(
    path: Path, book: fastexcel.ExcelReader, place: Place, number: int, dialect: Dialect
) -> tuple[Table, Iterator[Block]]:
    """The table at *place*, and its blocks; it is the reading's *number*-th, from 0."""
    at(f"the sheet {place.sheet}")
    loaded = load(book, place.sheet)
    odd = odd_cells(path, place.sheet)
    sheet = _as_shown(loaded, odd)
    named, frame, stray = under_header(sheet.filled(), place.header_row)
    header = list(named.values())
    rule_of = dict.fromkeys(stray, "field_count") | misplaced(frame, header)
    rule_of |= dict.fromkeys(sheet.errors, "cell_error")
    rule_of |= {row: "formula" for row, _ in odd.without_result if row in sheet.errors}
    name_of = {
        place: named.get(cell) for cell, place in zip(sheet.cells, sheet.columns, strict=True)
    }
    faults = {row: (rule, name_of.get(sheet.errors.get(row, -1))) for row, rule in rule_of.items()}
    lost = [(row, name) for row, column in sorted(odd.lost_digits) if (name := name_of.get(column))]
    name = place.sheet if len(book.sheet_names) > 1 else None
    table = Table(tuple(header), place.header_row, name)
    return table, _blocks(frame, header, faults, stray, lost, number, dialect)


def _as_shown(sheet: Loaded, odd: OddCells) -> Loaded:
    """The sheet with the texts of odd cells, and formulas without a result as errors."""
    rows = sheet.rows
    for cell, place in zip(sheet.cells, sheet.columns, strict=True):
        texts = {row: text for (row, column), text in odd.texts.items() if column == place}
        if texts:
            text = pl.col("row_number").replace_strict(
                texts, default=pl.col(cell), return_dtype=pl.String
            )
            rows = rows.with_columns(text.alias(cell))
    missing = {row: column for row, column in odd.without_result if column in sheet.columns}
    if (last := max(missing, default=0)) > rows.height:  # rows of nothing but such formulas
        numbers = pl.int_range(rows.height + 1, last + 1, dtype=pl.Int64, eager=True)
        more = pl.DataFrame([numbers.alias("row_number")]).with_columns(
            pl.lit("").alias(cell) for cell in sheet.cells
        )
        rows = pl.concat([rows, more])
    return replace(sheet, rows=rows, errors=missing | sheet.errors)


def _blocks(
    frame: pl.DataFrame,
    header: list[str],
    faults: dict[int, tuple[str, str | None]],
    stray: dict[int, list[str]],
    lost: list[tuple[int, str]],
    number: int,
    dialect: Dialect,
) -> Iterator[Block]:
    """The rows of a table, numbered as the sheet shows them, and after those of earlier tables.

    Args:
        frame: the rows below the header, under its names.
        header: the names.
        faults: the rule that a row breaks and the column in which, by row number.
        stray: values in columns without a name, by row number.
        lost: row number and column of each number that lost digits.
        number: the table's, from 0.
        dialect: the file's.
    """
    offset = number * SHEET_ROWS
    is_faulty = pl.col("row_number").is_in(list(faults))
    for part in frame.iter_slices(BLOCK_ROWS):
        block = split_nul(part.filter(~is_faulty), header, dialect)
        faulty = part.filter(is_faulty)
        raw = join_row(faulty, header, dialect)
        broken = [
            _broken(row, *faults[row[0]], dialect.delimiter.join([text, *stray.get(row[0], [])]))
            for row, text in zip(faulty.rows(), raw, strict=True)
        ]
        rows = block.rows.with_columns(pl.col("row_number") + offset)
        present = set(block.rows["row_number"]) if lost else set()
        yield Block(
            rows,
            [
                replace(row, row_number=row.row_number + offset)
                for row in sorted(block.broken + broken, key=lambda row: row.row_number)
            ],
            number,
            tuple((row + offset, name) for row, name in lost if row in present),
        )


def _broken(row: tuple[Any, ...], rule: str, column: str | None, raw: str) -> BrokenRow:
    """A row that is no record; where a cell of it is at fault, its first field may be its key."""
    first = None if rule in MISPLACED else row[1].replace("\0", "\\x00")
    return BrokenRow(row[0], rule, MESSAGES[rule], raw.replace("\0", "\\x00"), column, first)
