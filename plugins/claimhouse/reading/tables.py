"""Workbooks and Parquet files: tables already, whose values become text."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import fastexcel
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from claimhouse.reading.lines import check_header, join_row, show
from claimhouse.reading.parts import Block, BrokenRow, Dialect
from claimhouse.reading.text import Unreadable, refuse_binary

BLOCK_ROWS = 50_000
WORKBOOK_LIMIT = 1024 * 1024 * 1024
NO_FRACTION = r"^(\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(?:\.\d*[1-9])?)\.?0+$"
MIDNIGHT = r"^(\d{4}-\d{2}-\d{2})[ T]00:00:00$"
LONG_FLOAT = r"^-?\d+\.\d{9}$"  # calamine's rendering of a number that has no short one


def xlsx_blocks(path: Path, dialect: Dialect) -> Iterator[list[str] | Block]:
    """The header of a workbook's sheet, then its rows; row numbers are those the sheet shows.

    A workbook is held in memory whole: its sheets end at a million rows.

    Raises:
        Unreadable: it is no workbook, is cut off, or has no such sheet or no header.
    """
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
            skip_rows=0,  # so that empty rows before the header are counted
            dtypes="string",
        )
        frame = loaded.to_polars()
        _, errors = loaded.to_arrow_with_errors()
    except fastexcel.SheetNotFoundError:
        raise Unreadable(
            "sheet", "The workbook has no sheet of the name its contract gives."
        ) from None
    except fastexcel.FastExcelError:
        raise Unreadable("truncated", "The workbook is cut off or corrupt.") from None
    places: dict[int, int] = {}
    for error in errors.errors if errors else []:
        places.setdefault(error.position[0] + 1, error.offset_position[1])
    frame = frame.select(_plain_number(_plain_time(pl.all().fill_null(""))))
    numbers = pl.int_range(1, frame.height + 1, dtype=pl.Int64, eager=True).alias("row_number")
    return frame.insert_column(0, numbers), places


def _check_workbook(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise Unreadable("empty_file", "The file is empty.")
    if head.startswith(b"\xd0\xcf\x11\xe0"):  # a workbook of before 2007; calamine reads it
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


def parquet_blocks(path: Path, dialect: Dialect) -> Iterator[list[str] | Block]:
    """The header of a Parquet file, then its rows, numbered from 1.

    Raises:
        Unreadable: it is no Parquet file, is cut off, or has no usable columns.
    """
    _check_parquet(path)
    try:
        with pq.ParquetFile(path) as file:
            header = check_header(list(file.schema_arrow.names), None)
            if not header:
                raise Unreadable("header", "The file has no columns.")
            yield header
            first = 1
            for batch in file.iter_batches(batch_size=BLOCK_ROWS, use_threads=False):
                columns = [
                    _as_text(column).alias(name)
                    for name, column in zip(header, batch.columns, strict=True)
                ]
                numbers = pl.int_range(first, first + batch.num_rows, dtype=pl.Int64, eager=True)
                frame = pl.DataFrame([numbers.alias("row_number"), *columns])
                first += batch.num_rows
                yield split_nul(frame, header, dialect)
    except (pa.ArrowException, OSError):
        raise Unreadable("truncated", "The Parquet file is cut off or corrupt.") from None


def _check_parquet(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(max(0, path.stat().st_size - 4))
        tail = file.read(4)
    if not head:
        raise Unreadable("empty_file", "The file is empty.")
    if not head.startswith(b"PAR1"):
        refuse_binary(head, "parquet")
        raise Unreadable("wrong_format", "The file is not Parquet, as its contract says.")
    if tail != b"PAR1":
        raise Unreadable("truncated", "The Parquet file is cut off.")


def _as_text(column: pa.Array) -> pl.Series:
    """A column's values as text; what is nested as JSON, what is missing as nothing."""
    try:
        text = column.cast(pa.large_string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        text = pa.array([_nested(value) for value in column.to_pylist()], pa.large_string())
    values = pl.Series(text, dtype=pl.String).fill_null("")
    if pa.types.is_timestamp(column.type):
        values = values.to_frame("").select(_plain_time(pl.col(""))).to_series()
    return values


def _nested(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return show(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _plain_time(values: pl.Expr) -> pl.Expr:
    """A moment without the fraction that is nothing, and at midnight as the date alone."""
    return values.str.replace(NO_FRACTION, "${1}").str.replace(MIDNIGHT, "${1}")


def _plain_number(values: pl.Expr) -> pl.Expr:
    """A number as it was typed, without the noise of its binary fraction."""
    shortest = values.cast(pl.Float64, strict=False).cast(pl.String)
    return pl.when(values.str.contains(LONG_FLOAT)).then(shortest).otherwise(values)


def split_nul(frame: pl.DataFrame, header: list[str], dialect: Dialect) -> Block:
    """The frame's rows, those with a NUL character apart: no database column takes it."""
    has_nul = pl.any_horizontal(pl.col(header).str.contains("\0", literal=True))
    bad = frame.filter(has_nul)
    broken = []
    for row, raw in zip(bad.rows(), join_row(bad, header, dialect), strict=True):
        name = next(name for name, value in zip(header, row[1:], strict=True) if "\0" in value)
        text = raw.replace("\0", "\\x00")
        first = row[1].replace("\0", "\\x00")
        broken.append(
            BrokenRow(row[0], "nul_byte", "A value holds a NUL character.", text, name, first)
        )
    return Block(frame.filter(~has_nul), broken)
