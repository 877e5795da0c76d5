"""Workbooks: the tables of their sheets as blocks of text rows."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import fastexcel
import polars as pl

from claimhouse.reading.lines import join_row
from claimhouse.reading.misplaced import MESSAGES as MISPLACED
from claimhouse.reading.misplaced import misplaced
from claimhouse.reading.parts import Block, BrokenRow, Dialect, Place, Reading, Table
from claimhouse.reading.sheets import SHEET_ROWS, Loaded, first_place, load, open_book, under_header
from claimhouse.reading.tables import BLOCK_ROWS, split_nul
from claimhouse.reading.text import Unreadable, refuse_binary

WORKBOOK_LIMIT = 1024 * 1024 * 1024
MESSAGES = {"cell_error": "A cell holds a spreadsheet error in place of a value.", **MISPLACED}


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
        table, rows = _table(book, place, number, dialect)
        tables.append(table)
        blocks.append(rows)
    return Reading(list(tables[0].header), [], _chained(blocks), tuple(tables))


def _chained(blocks: list[Iterator[Block]]) -> Iterator[Block]:
    """The blocks of each table in turn; a table is let go once it has been read."""
    while blocks:
        yield from blocks.pop(0)


def _table(
    book: fastexcel.ExcelReader, place: Place, number: int, dialect: Dialect
) -> tuple[Table, Iterator[Block]]:
    """The table at *place*, and its blocks; it is the reading's *number*-th, from 0."""
    sheet = load(book, place.sheet)
    named, frame = under_header(sheet.filled(), place.header_row)
    header = list(named.values())
    name = place.sheet if len(book.sheet_names) > 1 else None
    table = Table(tuple(header), place.header_row, name)
    return table, _blocks(sheet, frame, named, number, dialect)


def _blocks(
    sheet: Loaded, frame: pl.DataFrame, named: dict[str, str], number: int, dialect: Dialect
) -> Iterator[Block]:
    """The rows of a table, numbered as the sheet shows them, and after those of earlier tables."""
    header, offset = list(named.values()), number * SHEET_ROWS
    column_of = {row: named.get(sheet.cells[place]) for row, place in sheet.errors.items()}
    rule_of = misplaced(frame, header) | dict.fromkeys(sheet.errors, "cell_error")
    is_faulty = pl.col("row_number").is_in(list(rule_of))
    for part in frame.iter_slices(BLOCK_ROWS):
        block = split_nul(part.filter(~is_faulty), header, dialect)
        faulty = part.filter(is_faulty)
        raw = join_row(faulty, header, dialect)
        broken = [
            BrokenRow(
                row[0],
                rule_of[row[0]],
                MESSAGES[rule_of[row[0]]],
                text.replace("\0", "\\x00"),
                column_of.get(row[0]),
                row[1].replace("\0", "\\x00") if rule_of[row[0]] == "cell_error" else None,
            )
            for row, text in zip(faulty.rows(), raw, strict=True)
        ]
        yield Block(
            block.rows.with_columns(pl.col("row_number") + offset),
            [
                replace(row, row_number=row.row_number + offset)
                for row in sorted(block.broken + broken, key=lambda row: row.row_number)
            ],
            number,
        )


def check_workbook(path: Path) -> None:
    """Refuse a file that is no workbook.

    Raises:
        Unreadable: it is empty, cut off, too large or of another format.
    """
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
